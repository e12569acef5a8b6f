package hauberk.rules.scope.stripped_label_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.stripped_label

_document(labels, expressions) := fixtures.policy(fixtures.selector(labels, expressions))

test_bad_label if {
	label := fixtures.label("selector", "pod-template-hash", "7d4b9c")
	found := stripped_label.violation with input as _document([label], [])
	some v in found
	count(found) == 1
	v.id == "HB504"
	v.pointer == "/spec/selector/matchLabels/pod-template-hash"
	contains(v.message, "removes the label pod-template-hash")
}

test_bad_expression if {
	expression := fixtures.expression(0, "label", "In", ["app=web", "controller-revision-hash=1"])
	found := stripped_label.violation with input as _document([], [expression])
	some v in found
	count(found) == 1
	v.pointer == "/spec/selector/matchExpressions/0/values/1"
}

test_good if {
	count(stripped_label.violation) == 0 with input as fixtures.policy({})
}

test_near_miss if {
	label := fixtures.label("selector", "app", "pod-template-hash")
	expression := fixtures.expression(0, "label", "In", ["app=pod-template-hash"])
	count(stripped_label.violation) == 0 with input as _document([label], [expression])
	node := fixtures.label("nodeSelector", "pod-template-hash", "x")
	count(stripped_label.violation) == 0 with input as fixtures.host_policy({"nodeSelector": {"matchLabels": [node]}})
}
