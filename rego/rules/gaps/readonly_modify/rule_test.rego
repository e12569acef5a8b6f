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

_below := fixtures.allow(fixtures.changed(fixtures.dir("file", 0, "/etc/nginx/"), {"readOnly": true}))

_above := fixtures.allow(fixtures.tree("file", 1, "/etc/"))

test_bad_directory_that_nothing_above_decides if {
	count(readonly_modify.violation) == 1 with input as fixtures.with_rules([_below, fixtures.audit(_above)])
	count(readonly_modify.violation) == 1 with input as fixtures.with_rules([_below, fixtures.allow(fixtures.dir("file", 1, "/etc/"))])
	count(readonly_modify.violation) == 1 with input as fixtures.with_rules([_below, fixtures.from(_above, ["/bin/app"])])
	count(readonly_modify.violation) == 1 with input as fixtures.with_rules([fixtures.changed(_below, {"recursive": true}), _above])
}

test_near_miss_recursive_directory_above if {
	count(readonly_modify.violation) == 0 with input as fixtures.with_rules([_below, _above])
	sources := [fixtures.from(_below, ["/bin/a"]), fixtures.from(_above, ["/bin/a", "/bin/b"])]
	count(readonly_modify.violation) == 0 with input as fixtures.with_rules(sources)
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
