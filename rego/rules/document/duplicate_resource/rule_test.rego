package hauberk.rules.document.duplicate_resource_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.duplicate_resource

test_bad if {
	document := fixtures.changed(fixtures.policy({}), {"duplicates": [fixtures.place("sample", null)]})
	found := duplicate_resource.violation with input as document
	some v in found
	count(found) == 1
	v.id == "HB109"
	v.pointer == "/metadata/name"
	v.message == "KubeArmorPolicy sample is defined by 1 other document too: the one applied last replaces the rest"
	v.related == [{"place": fixtures.place("sample", null), "message": "defined here too"}]
}

test_good if {
	count(duplicate_resource.violation) == 0 with input as fixtures.policy({})
}

test_near_miss_without_a_name if {
	document := fixtures.changed(fixtures.policy({"name": null}), {"duplicates": [fixtures.place("", null)]})
	count(duplicate_resource.violation) == 0 with input as document
}
