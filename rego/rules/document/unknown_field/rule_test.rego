package hauberk.rules.document.unknown_field_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.unknown_field

_problem := fixtures.problem(
	"unknown-field",
	"/spec/file/matchDirectories/0/recurive",
	"unknown field recurive in spec.file.matchDirectories[0]",
	{"name": "recurive", "nearest": "recursive"},
)

test_bad_misspelt if {
	found := unknown_field.violation with input as fixtures.facts({"problems": [_problem]})
	some v in found
	count(found) == 1
	v.id == "HB103"
	v.severity == "error"
	v.pointer == "/spec/file/matchDirectories/0/recurive"
	startswith(v.message, "unknown field recurive in spec.file.matchDirectories[0]: ")
	v.hint == "did you mean recursive?"
	v.fix.safety == "safe"
	v.fix.edits == [{"op": "rename", "pointer": v.pointer, "key": "recursive"}]
}

test_bad_misplaced if {
	problem := fixtures.problem(
		"unknown-field", "/spec/selector/app", "unknown field app in spec.selector",
		{"name": "app", "nearest": "spec.selector.matchLabels.app"},
	)
	placed := fixtures.changed(problem, {"position": fixtures.position(7)})
	found := unknown_field.violation with input as fixtures.facts({"problems": [placed]})
	some v in found
	v.hint == "write it as spec.selector.matchLabels.app"
	v.position.line == 7
	not v.fix
}

test_bad_nothing_near if {
	problem := fixtures.problem("unknown-field", "/spec/presets", "unknown field presets in spec", {"name": "presets"})
	found := unknown_field.violation with input as fixtures.facts({"problems": [problem]})
	some v in found
	v.hint == "remove it: host policies have no presets"
	not v.fix
}

test_good if {
	count(unknown_field.violation) == 0 with input as fixtures.with_rules([fixtures.tree("file", 0, "/etc/")])
}

test_near_miss_other_problem if {
	problem := fixtures.changed(_problem, {"kind": "duplicate-key"})
	count(unknown_field.violation) == 0 with input as fixtures.facts({"problems": [problem]})
}
