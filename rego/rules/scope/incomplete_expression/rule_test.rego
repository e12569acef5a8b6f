package hauberk.rules.scope.incomplete_expression_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.incomplete_expression

_document(expression) := fixtures.policy(fixtures.selector([], [expression]))

test_bad_operator if {
	document := _document(fixtures.expression(0, "label", "", ["app=web"]))
	found := incomplete_expression.violation with input as document
	some v in found
	count(found) == 1
	v.id == "HB508"
	v.pointer == "/spec/selector/matchExpressions/0"
	v.message == "operator is missing: KubeArmor ignores the expression, for hauberk it never holds"
	for_hauberk := incomplete_expression.violation with input as fixtures.only(document, "hauberk")
	some w in for_hauberk
	endswith(w.message, "selects nothing")
}

test_bad_both if {
	found := incomplete_expression.violation with input as _document(fixtures.expression(0, "", "", ["app=web"]))
	some v in found
	startswith(v.message, "key and operator are missing")
}

test_good if {
	count(incomplete_expression.violation) == 0 with input as _document(fixtures.expression(0, "label", "In", ["app=web"]))
}

test_near_miss_wrong_words if {
	count(incomplete_expression.violation) == 0 with input as _document(fixtures.expression(0, "app", "Exists", []))
	problem := fixtures.problem("schema", "/spec/selector/matchExpressions/0/operator", "must be of type string", {"keyword": "type"})
	document := fixtures.changed(_document(fixtures.expression(0, "label", "", [])), {"problems": [problem]})
	count(incomplete_expression.violation) == 0 with input as document
}
