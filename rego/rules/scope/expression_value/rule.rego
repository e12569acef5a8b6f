# METADATA
# title: expression-value
# description: |
#   A value of a label expression without `=`. Values of `key: label` are whole labels, `app=web`; a
#   value without `=` equals no label.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB506.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB506
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write the label as key=value.
package hauberk.rules.scope.expression_value

violation contains v if {
	some expression in input.policy.selector.expressions
	expression.key == "label"
	some value in expression.values
	not contains(value.text, "=")
	text := value.text
	effect := _effect(expression.operator)
	v := {
		"id": "HB506",
		"pointer": value.pointer,
		"message": $"{text} has no =, so no label equals it{effect}",
		"hint": _hint(text),
	}
}

_effect(operator) := _effects[operator]

_effect(operator) := "" if not _effects[operator]

_effects := {"In": ": it selects nothing", "NotIn": ": it excludes nothing"}

_hint(text) := $"write key=value, e.g. app={text}" if regex.match(`^[A-Za-z0-9._-]+$`, text)

_hint(text) := $"write {key}={value}" if {
	parts := split(text, ":")
	count(parts) == 2
	key := trim_space(parts[0])
	value := trim_space(parts[1])
}

_hint(text) := "write key=value" if {
	not regex.match(`^[A-Za-z0-9._-]+$`, text)
	count(split(text, ":")) != 2
}
