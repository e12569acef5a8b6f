package hauberk.rules.scope.empty_selector_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.empty_selector

_rules := [fixtures.path("file", 0, "/etc/shadow")]

_empty := {"matchLabels": [], "expressions": []}

test_bad_policy if {
	found := empty_selector.violation with input as fixtures.policy({"rules": _rules, "selector": _empty})
	some v in found
	count(found) == 1
	v.id == "HB501"
	v.pointer == "/spec/selector"
	v.message == "the selector is empty: the policy applies to every pod of namespace shop"
}

test_bad_missing if {
	selector := object.union(_empty, {"written": false})
	found := empty_selector.violation with input as fixtures.policy({"rules": _rules, "selector": selector, "namespace": null})
	some v in found
	v.pointer == "/spec"
	contains(v.message, "the namespace it is applied to")
}

test_bad_cluster_policy if {
	changes := {"rules": _rules, "selector": _empty, "kind": "KubeArmorClusterPolicy", "namespace": null}
	found := empty_selector.violation with input as fixtures.policy(changes)
	some v in found
	contains(v.message, "every pod of every namespace")
	contains(v.hint, "matchExpressions")
}

test_good_labels if {
	count(empty_selector.violation) == 0 with input as fixtures.with_rules(_rules)
}

test_near_miss_expressions if {
	selector := {"matchLabels": [], "expressions": [fixtures.expression(0, "label", "In", ["app=web"])]}
	count(empty_selector.violation) == 0 with input as fixtures.policy({"rules": _rules, "selector": selector})
}

test_near_miss_other_kind if {
	count(empty_selector.violation) == 0 with input as fixtures.host_policy({"rules": _rules, "selector": _empty})
}

test_near_miss_refused_by_the_schema if {
	problem := fixtures.problem("schema", "/spec/selector/matchLabels/app", "must be of type string", {"keyword": "type"})
	document := fixtures.policy({"rules": _rules, "selector": _empty})
	count(empty_selector.violation) == 0 with input as fixtures.changed(document, {"problems": [problem]})
}

test_near_miss_no_rules if {
	count(empty_selector.violation) == 0 with input as fixtures.policy({"selector": _empty})
}

_unknown(name, nearest) := fixtures.problem("unknown-field", $"/spec/selector/{name}", "unknown field", {"name": name, "nearest": nearest})

test_bad_label_beside_match_labels if {
	document := fixtures.policy({"rules": _rules, "selector": _empty})
	found := empty_selector.violation with input as fixtures.changed(document, {"problems": [_unknown("app", "spec.selector.matchLabels.app")]})
	some v in found
	count(found) == 1
	v.message == "without the unknown field app (HB103) the selector is empty: the policy applies to every pod of namespace shop"
	v.hint == "move app under matchLabels"
}

test_bad_misspelt_field if {
	document := fixtures.policy({"rules": _rules, "selector": _empty})
	found := empty_selector.violation with input as fixtures.changed(document, {"problems": [_unknown("matchLabel", "matchLabels")]})
	some v in found
	v.hint == "rename matchLabel to matchLabels"
}

test_bad_labels_of_a_cluster_policy if {
	document := fixtures.policy({"rules": _rules, "kind": "KubeArmorClusterPolicy", "namespace": null})
	found := empty_selector.violation with input as fixtures.changed(document, {"problems": [_unknown("matchLabels", null)]})
	some v in found
	startswith(v.message, "without the unknown field matchLabels (HB103) the selector is empty: the policy applies to every pod")
	contains(v.hint, "matchExpressions")
}

test_bad_two_fields if {
	problems := [_unknown("app", "spec.selector.matchLabels.app"), _unknown("tier", "spec.selector.matchLabels.tier")]
	found := empty_selector.violation with input as fixtures.changed(fixtures.policy({"rules": _rules, "selector": _empty}), {"problems": problems})
	some v in found
	startswith(v.message, "without the unknown fields app and tier (HB103) ")
	v.hint == "move app and tier under matchLabels"
}
