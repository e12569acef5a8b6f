package hauberk.lib.images_test

import data.hauberk.lib.fixtures
import data.hauberk.lib.images

_document := fixtures.in_image(fixtures.with_rules([]), {"names": [fixtures.image_name("/a", "/bin/sh", {})]})

test_at if {
	found := images.at("/a") with input as _document
	count(found) == 1
	found[0].text == "/bin/sh"
	found[0].image == "web"
	count(images.at("/b")) == 0 with input as _document
}

test_complete if {
	images.complete with input as _document
	not images.complete with input as fixtures.in_image(fixtures.with_rules([]), {"complete": false})
}
