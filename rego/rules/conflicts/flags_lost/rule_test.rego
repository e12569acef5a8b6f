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
	v.hint == "write one rule that has the flags of both"
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

_hint(first, second, changes) := v.hint if {
	relation := fixtures.changed(_flags, object.union({"pointer": first.pointer, "other": fixtures.place("sample", second.id)}, changes))
	document := fixtures.changed(fixtures.with_rules([first, second]), {"relations": [relation]})
	found := flags_lost.violation with input as document
	some v in found
}

test_bad_hint_of_two_blocks if {
	plain := fixtures.path("file", 1, "/data")
	flagged := fixtures.changed(fixtures.path("file", 0, "/data"), {"readOnly": true})
	_hint(flagged, plain, {}) == "keep the rule without flags: it denies all that the other does"
	_hint(plain, flagged, {}) == "keep the rule without flags: it denies all that the other does"
	_hint(plain, flagged, {"samePolicy": false}) == "keep the rule without flags: it denies all that the other does"
	_hint(flagged, fixtures.changed(plain, {"ownerOnly": true}), {}) == "write one rule that has the flags of both"
	endswith(_hint(flagged, plain, {"samePolicy": false}), "; if the other has none, keep that one")
}

test_bad_hint_of_other_recursion if {
	flat := fixtures.changed(fixtures.dir("file", 0, "/data/"), {"readOnly": true})
	_hint(flat, fixtures.tree("file", 1, "/data/"), {}) == "make their matches differ, or write one rule"
}

test_bad_hint_of_other_action if {
	flagged := fixtures.changed(fixtures.path("file", 1, "/data"), {"ownerOnly": true})
	_hint(_rule, flagged, {}) == "keep one of the two rules"
}

test_good if {
	count(flags_lost.violation) == 0 with input as fixtures.with_rules([_rule])
}

test_near_miss_other_relation if {
	document := fixtures.changed(fixtures.with_rules([_rule]), {"relations": [fixtures.changed(_flags, {"type": "conflict"})]})
	count(flags_lost.violation) == 0 with input as document
}
