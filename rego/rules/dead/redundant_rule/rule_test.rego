package hauberk.rules.dead.redundant_rule_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.redundant_rule

_item(changes) := object.union(
	{
		"pointer": "/spec/file/matchPaths/0",
		"rule": "file.matchPaths[0]",
		"unreachable": [],
		"shells": [],
		"redundant": ["hauberk", "kubearmor"],
		"cover": [],
		"access": null,
		"workload": "Pod/shop/web/web",
		"partly": null,
		"inconclusive": null,
		"closed": true,
		"removable": true,
	},
	changes,
)

_cover(other) := {
	"place": fixtures.place("other", "file.matchPaths[1]"),
	"samePolicy": true,
	"action": "Block",
	"otherAction": other,
}

_document(changes) := fixtures.changed(
	fixtures.with_rules([fixtures.path("file", 0, "/srv/x")]),
	{"reach": [_item(changes)]},
)

test_bad if {
	found := redundant_rule.violation with input as _document({})
	some v in found
	v.id == "HB202"
	v.message == "without this rule nothing would change: other rules, or the end of the list, decide alike what it decides"
	v.fix.safety == "safe"
}

test_bad_dead_beside_its_like if {
	found := redundant_rule.violation with input as _document({
		"unreachable": ["hauberk", "kubearmor"],
		"cover": [_cover(false)],
		"removable": false,
	})
	some v in found
	endswith(v.message, "file.matchPaths[1] says it already")
	not v.fix
}

test_bad_among_policies_that_may_meet if {
	found := redundant_rule.violation with input as _document({"closed": false})
	some v in found
	endswith(v.message, "(unless a policy for other labels selects the same pods)")
}

test_good_no_such_rule if {
	count(redundant_rule.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_needed_by_one_model if {
	count(redundant_rule.violation) == 0 with input as _document({"redundant": ["hauberk"]})
}

test_near_miss_unreachable_says_it if {
	document := _document({"unreachable": ["hauberk", "kubearmor"], "cover": [_cover(true)]})
	count(redundant_rule.violation) == 0 with input as document
}

test_near_miss_open_asset if {
	asset := {"pointer": "/spec/file/matchPaths/0"}
	count(redundant_rule.violation) == 0 with input as fixtures.changed(_document({}), {"openAssets": [asset]})
}
