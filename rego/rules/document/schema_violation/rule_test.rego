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

_null(pointer, detail, others) := v if {
	problem := fixtures.changed(fixtures.problem("null", pointer, "it is null", detail), {"position": fixtures.position(6)})
	found := schema_violation.violation with input as fixtures.facts({"problems": array.concat([problem], others)})
	some v in found
}

test_bad_null_above_what_belongs_to_it if {
	outside := fixtures.problem("unknown-field", "/process", "unknown field process", {"name": "process", "nearest": "spec.process"})
	v := _null("/spec", {}, [outside])
	v.hint == "indent what belongs to it below spec"
	not v.fix
	section := _null("/spec/file", {}, [fixtures.problem("unknown-field", "/spec/matchPaths", "unknown field matchPaths in spec", {})])
	section.hint == "indent what belongs to it below file"
	not section.fix
	metadata := _null("/metadata", {}, [fixtures.problem("unknown-field", "/name", "unknown field name", {})])
	metadata.hint == "indent what belongs to it below metadata"
}

test_bad_null_spec if {
	v := _null("/spec", {}, [])
	v.hint == "give it a value"
	not v.fix
}

test_bad_null_alone_in_its_parent if {
	v := _null("/spec/selector/matchExpressions", {"canonical": "[]", "text": ""}, [])
	v.hint == "write matchExpressions: []"
	v.fix.edits == [{"op": "text", "position": {"line": 6, "column": 9, "endLine": 6, "endColumn": 9}, "text": " []"}]
	tilde := _null("/spec/selector/matchLabels", {"canonical": "{}", "text": "~"}, [])
	tilde.fix.edits == [{"op": "replace", "pointer": "/spec/selector/matchLabels", "value": {}}]
	word := _null("/spec/selector/matchLabels", {"canonical": "{}"}, [])
	word.hint == "write matchLabels: {}"
	not word.fix
}

test_near_miss_null_beside_a_slip if {
	v := _null("/spec/severity", {}, [fixtures.problem("unknown-field", "/spec/tagz", "unknown field tagz in spec", {})])
	v.fix.edits == [{"op": "remove", "pointer": "/spec/severity"}]
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
