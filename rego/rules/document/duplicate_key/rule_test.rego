package hauberk.rules.document.duplicate_key_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.duplicate_key

_problem := fixtures.changed(
	fixtures.problem("duplicate-key", "", "matchPaths is given twice in this mapping: the first (line 9) is silently lost", {"name": "matchPaths"}),
	{"position": fixtures.position(14)},
)

test_bad if {
	found := duplicate_key.violation with input as fixtures.facts({"problems": [_problem]})
	some v in found
	count(found) == 1
	v.id == "HB102"
	v.pointer == ""
	v.position.line == 14
	contains(v.message, "matchPaths is given twice")
	v.hint == "keep one matchPaths that holds what both say"
}

test_good if {
	count(duplicate_key.violation) == 0 with input as fixtures.with_rules([])
}

test_near_miss_unknown_field if {
	problem := fixtures.changed(_problem, {"kind": "unknown-field"})
	count(duplicate_key.violation) == 0 with input as fixtures.facts({"problems": [problem]})
}
