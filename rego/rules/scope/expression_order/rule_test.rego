package hauberk.rules.scope.expression_order_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.expression_order

_document(expressions) := fixtures.policy(fixtures.selector([], expressions))

_in(index) := fixtures.expression(index, "label", "In", ["app=web"])

_not_in(index) := fixtures.expression(index, "label", "NotIn", ["tier=db"])

test_bad_in_first if {
	found := expression_order.violation with input as _document([_in(0), _not_in(1)])
	some v in found
	count(found) == 1
	v.id == "HB507"
	v.pointer == "/spec/selector/matchExpressions/1/operator"
	v.message == "KubeArmor: this NotIn of a label is ignored, as In comes before it"
}

test_bad_not_in_first if {
	found := expression_order.violation with input as _document([_not_in(0), _in(1)])
	some v in found
	v.message == "KubeArmor: this In of a label is ignored, as NotIn comes before it"
}

test_bad_namespaces if {
	expressions := [
		fixtures.expression(0, "namespace", "NotIn", ["build"]),
		fixtures.expression(1, "namespace", "In", ["shop"]),
	]
	found := expression_order.violation with input as _document(expressions)
	some v in found
	v.pointer == "/spec/selector/matchExpressions/0/operator"
	contains(v.message, "NotIn of namespaces is ignored")
}

test_good if {
	count(expression_order.violation) == 0 with input as _document([_in(0), _in(1)])
}

test_near_miss_different_keys_or_incomplete if {
	namespace := fixtures.expression(1, "namespace", "NotIn", ["build"])
	count(expression_order.violation) == 0 with input as _document([_in(0), namespace])
	count(expression_order.violation) == 0 with input as _document([_in(0), fixtures.expression(1, "label", "NotIn", [])])
	count(expression_order.violation) == 0 with input as _document([_in(0), fixtures.expression(1, "", "NotIn", ["a=b"])])
}
