# METADATA
# title: invalid-posture
# description: |
#   A posture annotation whose value is neither audit nor block. KubeArmor rewrites it to its global
#   value; hauberk takes it for audit.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB412.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB412
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Write audit or block.
package hauberk.rules.gaps.invalid_posture

violation contains v if {
	some annotation in input.namespace.annotations
	annotation.key in _keys
	not lower(annotation.value) in _values
	key := annotation.key
	value := json.marshal(annotation.value)
	effect := _effect
	v := object.union(
		{
			"id": "HB412",
			"pointer": annotation.pointer,
			"message": $"{value} is no value of {key}: {effect}",
			"hint": "write audit or block",
		},
		_fix(annotation),
	)
}

_keys := {"kubearmor-file-posture", "kubearmor-network-posture", "kubearmor-capabilities-posture"}

_values := {"audit", "block"}

_effect := "KubeArmor overwrites it with its global posture, hauberk audits" if {
	count(input.target) == 2
} else := "KubeArmor overwrites it with its global posture" if {
	"kubearmor" in input.target
} else := "hauberk audits"

# Blanks around a good value; what another word meant, nobody knows.
_fix(annotation) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "replace", "pointer": annotation.pointer, "value": value}],
}} if {
	value := lower(trim_space(annotation.value))
	value in _values
} else := {}
