package hauberk.rules.gaps.readonly_modify_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.readonly_modify

_rule := fixtures.allow(fixtures.changed(fixtures.path("file", 0, "/data"), {"readOnly": true}))

test_bad_one_finding if {
	other := fixtures.allow(fixtures.changed(fixtures.tree("file", 0, "/etc/"), {"readOnly": true}))
	found := readonly_modify.violation with input as fixtures.with_rules([fixtures.path("file", 9, "/x"), _rule, other])
	some v in found
	count(found) == 1
	v.id == "HB414"
	v.pointer == "/spec/file/matchPaths/0/readOnly"
	v.message == "under KubeArmor readOnly does not stop removing, renaming, creating and chmod: /data and /etc/"
}

test_good_block if {
	rule := fixtures.changed(fixtures.path("file", 0, "/data"), {"readOnly": true})
	count(readonly_modify.violation) == 0 with input as fixtures.with_rules([rule])
}

test_near_miss if {
	pattern := fixtures.allow(fixtures.changed(fixtures.pattern("file", 0, "/data/*"), {"readOnly": true}))
	count(readonly_modify.violation) == 0 with input as fixtures.with_rules([
		pattern,
		fixtures.allow(fixtures.path("file", 1, "/data")),
		fixtures.changed(_rule, {"ownerOnly": true}),
		fixtures.changed(_rule, {"pts": false}),
	])
}
