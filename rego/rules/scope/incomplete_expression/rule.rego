# METADATA
# title: incomplete-expression
# description: |
#   An expression without key or operator. KubeArmor ignores it, so the policy selects more than meant;
#   under hauberk it never holds, so the policy selects nothing.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB508.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB508
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write key, operator and values.
package hauberk.rules.scope.incomplete_expression

violation contains v if {
	some expression in input.policy.selector.expressions
	missing := _missing(expression)
	not _refused(expression)
	effect := _effect
	v := {
		"id": "HB508",
		"pointer": expression.pointer,
		"message": $"{missing} missing: {effect}",
		"hint": "write key (label or namespace), operator (In or NotIn) and values",
	}
}

_missing(expression) := "key and operator are" if {
	expression.key == ""
	expression.operator == ""
} else := "key is" if {
	expression.key == ""
} else := "operator is" if {
	expression.operator == ""
}

_effect := "KubeArmor ignores the expression, for hauberk it never holds" if {
	count(input.target) == 2
} else := "KubeArmor ignores the expression, so the policy selects more" if {
	"kubearmor" in input.target
} else := "the expression never holds, so the policy selects nothing"

# A key or operator of the wrong type: HB104 reports it.
_refused(expression) if {
	some problem in input.problems
	problem.kind == "schema"
	problem.pointer in {$"{expression.pointer}/key", $"{expression.pointer}/operator", expression.pointer}
}
