package hauberk.rules.conflicts.source_allow_hides_block_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.source_allow_hides_block

_rule := fixtures.allow(fixtures.from(fixtures.tree("file", 0, "/"), ["/bin/app"]))

_hides := {
	"pointer": _rule.pointer,
	"rule": _rule.id,
	"workload": "Deployment/shop/web/web",
	"models": ["hauberk", "kubearmor"],
	"block": fixtures.place("sample", "file.matchPaths[0]"),
	"samePolicy": true,
	"access": {"op": "read", "target": "/etc/shadow", "source": "/bin/app"},
}

_document(hides) := fixtures.changed(fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow"), _rule]), {"hides": hides})

test_bad if {
	found := source_allow_hides_block.violation with input as _document([_hides])
	some v in found
	count(found) == 1
	v.id == "HB303"
	v.pointer == "/spec/file/matchDirectories/0"
	v.model == "both"
	startswith(v.message, "by this rule /bin/app reads /etc/shadow, which file.matchPaths[0] of this policy forbids everybody:")
	v.witness.target == "/etc/shadow"
}

test_bad_several_are_one_finding if {
	others := [fixtures.changed(_hides, {"samePolicy": false, "block": fixtures.place("no-keys", "file.matchPaths[1]")}), _hides]
	found := source_allow_hides_block.violation with input as _document(others)
	some v in found
	count(found) == 1
	contains(v.message, "which no-keys (file.matchPaths[1]) forbids everybody (and 1 more)")
	count(v.related) == 2
}

test_bad_as_many_as_are_looked_for if {
	others := [fixtures.changed(_hides, {"block": fixtures.place("sample", $"file.matchPaths[{index}]")}) | some index in numbers.range(0, 9)]
	found := source_allow_hides_block.violation with input as _document(others)
	some v in found
	contains(v.message, "(and at least 9 more)")
	count(v.related) == 5
}

test_bad_by_one_model if {
	found := source_allow_hides_block.violation with input as _document([fixtures.changed(_hides, {"models": ["kubearmor"]})])
	some v in found
	v.model == "kubearmor"
}

test_near_miss_the_other_enforcer if {
	document := fixtures.changed(_document([fixtures.changed(_hides, {"models": ["kubearmor"]})]), {"target": ["hauberk"]})
	count(source_allow_hides_block.violation) == 0 with input as document
}

test_good if {
	count(source_allow_hides_block.violation) == 0 with input as _document([])
}
