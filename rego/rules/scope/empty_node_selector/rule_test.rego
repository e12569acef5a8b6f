package hauberk.rules.scope.empty_node_selector_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.empty_node_selector

_rules := [fixtures.path("file", 0, "/etc/shadow")]

_empty := {"written": true, "matchLabels": []}

test_bad if {
	found := empty_node_selector.violation with input as fixtures.host_policy({"rules": _rules, "nodeSelector": _empty})
	some v in found
	count(found) == 1
	v.id == "HB502"
	v.pointer == "/spec/nodeSelector"
	v.message == "nodeSelector has no labels: the policy matches no node"
}

test_good if {
	count(empty_node_selector.violation) == 0 with input as fixtures.host_policy({"rules": _rules})
}

test_near_miss if {
	count(empty_node_selector.violation) == 0 with input as fixtures.policy({"rules": _rules})
	count(empty_node_selector.violation) == 0 with input as fixtures.host_policy({"nodeSelector": {"written": false, "matchLabels": []}})
	problem := fixtures.problem("schema", "/spec/nodeSelector/matchLabels", "must be of type object", {"keyword": "type"})
	document := fixtures.changed(fixtures.host_policy({"nodeSelector": _empty}), {"problems": [problem]})
	count(empty_node_selector.violation) == 0 with input as document
}
