package hauberk.rules.conflicts.flags_lost_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.flags_lost

_rule := fixtures.changed(fixtures.allow(fixtures.path("file", 0, "/data")), {"readOnly": true})

_flags := fixtures.relation("flags", _rule, fixtures.place("other", "file.matchPaths[1]"), {"samePolicy": true, "access": {"op": "write", "target": "/data", "source": null}})

test_bad if {
	document := fixtures.changed(fixtures.with_rules([_rule]), {"relations": [_flags]})
	found := flags_lost.violation with input as document
	some v in found
	count(found) == 1
	v.id == "HB302"
	v.pointer == "/spec/file/matchPaths/0"
	v.message == "KubeArmor keeps one rule for /data: file.matchPaths[1] of this policy replaces this one, and its readOnly is lost"
	v.witness.op == "write"
}

test_bad_without_flags if {
	document := fixtures.changed(fixtures.with_rules([fixtures.path("file", 0, "/data")]), {"relations": [_flags]})
	found := flags_lost.violation with input as document
	some v in found
	endswith(v.message, "file.matchPaths[1] of this policy replaces this one")
}

test_bad_two_policies if {
	relation := fixtures.changed(_flags, {"samePolicy": false})
	found := flags_lost.violation with input as fixtures.changed(fixtures.with_rules([_rule]), {"relations": [relation]})
	some v in found
	endswith(v.message, "of this one and other (file.matchPaths[1]) the one that arrives last stays, flags and all")
}

test_good if {
	count(flags_lost.violation) == 0 with input as fixtures.with_rules([_rule])
}

test_near_miss_other_relation if {
	document := fixtures.changed(fixtures.with_rules([_rule]), {"relations": [fixtures.changed(_flags, {"type": "conflict"})]})
	count(flags_lost.violation) == 0 with input as document
}
