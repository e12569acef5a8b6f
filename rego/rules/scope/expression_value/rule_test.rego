package hauberk.rules.scope.expression_value_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.expression_value

_document(expression) := fixtures.policy(fixtures.selector([], [expression]))

test_bad_in if {
	found := expression_value.violation with input as _document(fixtures.expression(0, "label", "In", ["app=web", "nginx"]))
	some v in found
	count(found) == 1
	v.id == "HB506"
	v.pointer == "/spec/selector/matchExpressions/0/values/1"
	v.message == "nginx has no =, so no label equals it: it selects nothing"
	v.hint == "write key=value, e.g. app=nginx"
}

test_bad_not_in if {
	found := expression_value.violation with input as _document(fixtures.expression(0, "label", "NotIn", ["app: web"]))
	some v in found
	endswith(v.message, "it excludes nothing")
	v.hint == "write app=web"
}

test_good if {
	count(expression_value.violation) == 0 with input as _document(fixtures.expression(0, "label", "In", ["app=web"]))
}

test_near_miss_namespace if {
	count(expression_value.violation) == 0 with input as _document(fixtures.expression(0, "namespace", "In", ["shop"]))
	count(expression_value.violation) == 0 with input as _document(fixtures.expression(0, "label", "In", ["app="]))
}
