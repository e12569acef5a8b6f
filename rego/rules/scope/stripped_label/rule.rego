# METADATA
# title: stripped-label
# description: |
#   The selector asks for a label that KubeArmor removes from pods before it compares:
#   pod-template-hash, pod-template-generation, controller-revision-hash.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB504.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB504
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Select by labels of the application.
package hauberk.rules.scope.stripped_label

violation contains v if {
	input.policy.kind == "KubeArmorPolicy"
	some label in input.policy.selector.matchLabels
	label.key in _stripped
	key := label.key
	v := {
		"id": "HB504",
		"pointer": label.pointer,
		"message": $"KubeArmor removes the label {key} from pods before it compares: the selector matches nothing",
		"hint": "select by a label of the application, e.g. app",
	}
}

violation contains v if {
	input.policy.kind in {"KubeArmorPolicy", "KubeArmorClusterPolicy"}
	some expression in input.policy.selector.expressions
	expression.key == "label"
	some value in expression.values
	key := split(value.text, "=")[0]
	key in _stripped
	v := {
		"id": "HB504",
		"pointer": value.pointer,
		"message": $"KubeArmor removes the label {key} from pods before it compares: no pod ever has this value",
		"hint": "select by a label of the application, e.g. app",
	}
}

_stripped := {"pod-template-hash", "pod-template-generation", "controller-revision-hash"}
