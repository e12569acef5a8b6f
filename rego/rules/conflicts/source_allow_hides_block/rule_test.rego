package hauberk.rules.conflicts.source_allow_hides_block_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.source_allow_hides_block

_rule := fixtures.allow(fixtures.from(fixtures.tree("file", 0, "/"), ["/bin/app"]))

_hides := fixtures.relation(
	"hides", _rule, fixtures.place("sample", "file.matchPaths[0]"),
	{"samePolicy": true, "access": {"op": "read", "target": "/etc/shadow", "source": "/bin/app"}, "verdicts": {"hauberk": "allowed", "kubearmor": "allowed"}},
)

_document(relations) := fixtures.changed(fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow"), _rule]), {"relations": relations})

test_bad if {
	found := source_allow_hides_block.violation with input as _document([_hides])
	some v in found
	count(found) == 1
	v.id == "HB303"
	v.pointer == "/spec/file/matchDirectories/0"
	startswith(v.message, "this rule lets /bin/app read /etc/shadow, which file.matchPaths[0] of this policy forbids everybody:")
	v.witness.target == "/etc/shadow"
}

test_bad_several_are_one_finding if {
	others := [fixtures.changed(_hides, {"samePolicy": false, "other": fixtures.place("no-keys", "file.matchPaths[1]")}), _hides]
	found := source_allow_hides_block.violation with input as _document(others)
	some v in found
	count(found) == 1
	contains(v.message, "which no-keys (file.matchPaths[1]) forbids everybody (and 1 more)")
	count(v.related) == 2
}

test_bad_as_many_as_are_looked_for if {
	others := [fixtures.changed(_hides, {"other": fixtures.place("sample", $"file.matchPaths[{index}]")}) | some index in numbers.range(0, 9)]
	found := source_allow_hides_block.violation with input as _document(others)
	some v in found
	contains(v.message, "(and at least 9 more)")
	count(v.related) == 5
}

test_bad_without_an_access if {
	found := source_allow_hides_block.violation with input as _document([fixtures.changed(_hides, {"access": null})])
	some v in found
	startswith(v.message, "this rule lets its sources reach /")
	not v.witness
}

test_good if {
	count(source_allow_hides_block.violation) == 0 with input as _document([])
}

test_near_miss_exception_is_written_down if {
	exception := fixtures.allow(fixtures.from(fixtures.path("file", 1, "/etc/shadow"), ["/bin/app"]))
	document := fixtures.changed(fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow"), exception, _rule]), {"relations": [_hides]})
	count(source_allow_hides_block.violation) == 0 with input as document
}

test_near_miss_other_relation if {
	count(source_allow_hides_block.violation) == 0 with input as _document([fixtures.changed(_hides, {"type": "conflict"})])
}
