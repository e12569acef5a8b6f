package hauberk.rules.document.invalid_yaml_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.invalid_yaml

_found(problem) := found if {
	found := invalid_yaml.violation with input as fixtures.facts({"subject": "file", "problems": [problem]})
}

_at(problem, position) := fixtures.changed(problem, {"position": position})

test_bad_syntax if {
	problem := _at(fixtures.problem("yaml-syntax", "", "did not find expected key", {}), fixtures.position(4))
	some v in _found(problem)
	v.id == "HB101"
	v.severity == "error"
	v.pointer == ""
	v.message == "did not find expected key"
	v.position.line == 4
	not v.fix
}

test_bad_tab if {
	position := {"line": 9, "column": 12, "endLine": 9, "endColumn": 14}
	problem := _at(fixtures.problem("yaml-tab", "", "a tab as white space", {"severity": "warning"}), position)
	some v in _found(problem)
	v.severity == "warning"
	v.fix == {"safety": "safe", "edits": [{"op": "text", "position": position, "text": "  "}]}
}

test_bad_merge_key if {
	some v in _found(fixtures.problem("yaml-merge", "", "merge key <<", {"severity": "warning"}))
	v.severity == "warning"
	v.hint == "write the merged fields out"
}

test_good if {
	count(invalid_yaml.violation) == 0 with input as fixtures.with_rules([])
}

test_near_miss_other_kind_of_problem if {
	count(_found(fixtures.problem("duplicate-key", "", "action is given twice", {}))) == 0
}
