package hauberk.rules.document.duplicate_key_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.duplicate_key

_problem := fixtures.changed(
	fixtures.problem("duplicate-key", "", "matchPaths is given again: the value of line 9 is lost", {"name": "matchPaths"}),
	{"position": fixtures.position(14)},
)

test_bad if {
	found := duplicate_key.violation with input as fixtures.facts({"problems": [_problem]})
	some v in found
	count(found) == 1
	v.id == "HB102"
	v.pointer == ""
	v.position.line == 14
	contains(v.message, "matchPaths is given again")
	v.severity == "error"
	v.hint == "keep the matchPaths that is meant, or join both in one"
	not v.fix
}

_with_detail(detail) := v if {
	problem := fixtures.problem("duplicate-key", "", "action is given again", object.union({"name": "action"}, detail))
	found := duplicate_key.violation with input as fixtures.facts({"problems": [fixtures.changed(problem, {"position": fixtures.position(14)})]})
	some v in found
}

test_bad_equal_values if {
	v := _with_detail({"keyword": "same-line", "severity": "warning"})
	v.severity == "warning"
	v.hint == "remove one of the two"
	v.fix.safety == "safe"
	v.fix.edits == [{"op": "text", "position": {"line": 14, "column": 1, "endLine": 15, "endColumn": 1}, "text": ""}]
}

test_bad_equal_values_beside_other_text if {
	v := _with_detail({"keyword": "same", "severity": "warning"})
	v.hint == "remove one of the two"
	not v.fix
}

test_bad_key_without_value_between if {
	v := _with_detail({"keyword": "other", "nearest": "file (line 12)"})
	v.hint == "check the indentation of file (line 12)"
	not v.fix
}

test_good if {
	count(duplicate_key.violation) == 0 with input as fixtures.with_rules([])
}

test_near_miss_unknown_field if {
	problem := fixtures.changed(_problem, {"kind": "unknown-field"})
	count(duplicate_key.violation) == 0 with input as fixtures.facts({"problems": [problem]})
}
