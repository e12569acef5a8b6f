# METADATA
# title: expression-order
# description: |
#   In and NotIn in one list. KubeArmor uses only one of them: for labels the operator that stands
#   first, for namespaces In. The other is ignored.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB507.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB507
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use one operator only, or split the policy.
package hauberk.rules.scope.expression_order

violation contains v if {
	labels := _complete("label")
	first := labels[0].operator
	ignored := [expression | some expression in labels; expression.operator != first]
	count(ignored) > 0
	v := _finding(ignored[0], $"of a label is ignored, as {first} comes before it")
}

violation contains v if {
	namespaces := _complete("namespace")
	some expression in namespaces
	expression.operator == "In"
	ignored := [other | some other in namespaces; other.operator == "NotIn"]
	count(ignored) > 0
	v := _finding(ignored[0], "of namespaces is ignored, as there is an In")
}

_complete(key) := [expression |
	input.policy.kind in {"KubeArmorPolicy", "KubeArmorClusterPolicy"}
	some expression in input.policy.selector.expressions
	expression.key == key
	expression.operator in {"In", "NotIn"}
	count(expression.values) > 0
]

_finding(expression, reason) := {
	"id": "HB507",
	"pointer": $"{expression.pointer}/operator",
	"message": $"KubeArmor: this {operator} {reason}",
	"hint": "use one operator only, or matchLabels for the labels that must be there",
} if {
	operator := expression.operator
}
