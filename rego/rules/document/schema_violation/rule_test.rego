package hauberk.rules.document.schema_violation_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.schema_violation

_schema(detail) := fixtures.facts({"problems": [fixtures.problem("schema", "/spec/action", "'block' is not Allow, Audit, Block", detail)]})

test_bad_letter_case if {
	found := schema_violation.violation with input as _schema({"keyword": "enum", "text": "block", "nearest": "Block"})
	some v in found
	count(found) == 1
	v.id == "HB104"
	v.pointer == "/spec/action"
	v.message == "'block' is not Allow, Audit, Block"
	v.hint == "write Block"
	v.fix == {"safety": "safe", "edits": [{"op": "replace", "pointer": "/spec/action", "value": "Block"}]}
}

test_bad_misspelt_enum_has_no_fix if {
	found := schema_violation.violation with input as _schema({"keyword": "enum", "text": "Blok", "nearest": "Block"})
	some v in found
	v.hint == "write Block"
	not v.fix
}

test_bad_missing if {
	problem := fixtures.problem("schema", "/spec", "nodeSelector is missing in spec", {"keyword": "required", "name": "nodeSelector"})
	found := schema_violation.violation with input as fixtures.facts({"problems": [problem]})
	some v in found
	v.hint == "add nodeSelector"
}

test_bad_null if {
	problem := fixtures.problem("null", "/spec/selector/matchExpressions", "spec.selector.matchExpressions is given without a value (null)", {})
	found := schema_violation.violation with input as fixtures.facts({"problems": [problem]})
	some v in found
	count(found) == 1
	contains(v.message, "server-side apply (Flux")
	v.fix.edits == [{"op": "remove", "pointer": "/spec/selector/matchExpressions"}]
}

test_bad_null_where_a_value_is_needed if {
	problem := fixtures.problem("null", "/spec/file/matchPaths/0/path", "spec.file.matchPaths[0].path is given without a value (null)", {})
	found := schema_violation.violation with input as fixtures.facts({"problems": [problem]})
	some v in found
	v.hint == "give it a value"
	not v.fix
}

test_good if {
	count(schema_violation.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_path_form if {
	count(schema_violation.violation) == 0 with input as _schema({"keyword": "pattern", "text": "/etc/nginx", "canonical": "/etc/nginx/"})
}

test_near_miss_path_without_a_canonical_form if {
	count(schema_violation.violation) == 1 with input as _schema({"keyword": "pattern", "text": "/"})
}
