# METADATA
# title: container-name-brackets
# description: |
#   `kubearmor.io/container.name` without brackets. For pods KubeArmor drops the first and the last
#   character of the value without looking at them, so `nginx` becomes `gin`. A value of up to two
#   characters names no container at all: the policy applies to every container of the pod.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB505.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB505
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: "Write the names in brackets: '[nginx]'."
package hauberk.rules.scope.container_name_brackets

violation contains v if {
	input.policy.kind == "KubeArmorPolicy"
	some label in input.policy.selector.matchLabels
	label.key == "kubearmor.io/container.name"
	not _bracketed(label.value)
	model := _model(label.value)
	base := {
		"id": "HB505",
		"pointer": label.pointer,
		"message": _message(label.value),
		"hint": _hint(label.value),
		"model": model,
	}
	v := object.union(object.union(base, _severity(label.value)), _fix(label))
}

# hauberk reads a name without brackets as it is; where there is none, both select every container.
_model(value) := "both" if {
	_nameless(value)
} else := "kubearmor" if {
	"kubearmor" in input.target
}

_nameless(value) if trim(value, " ,") == ""

_bracketed(value) if {
	startswith(value, "[")
	endswith(value, "]")
	count(value) > 1
}

_message(value) := $"in Kubernetes KubeArmor drops the first and last character of this value: {value} becomes {inner}" if {
	count(value) > 2
	inner := substring(value, 1, count(value) - 2)
} else := $"{quoted} names no container: the policy applies to every container of the pod" if {
	_nameless(value)
	quoted := json.marshal(value)
} else := $"in Kubernetes KubeArmor reads no name from {quoted}: the policy applies to every container of the pod" if {
	quoted := json.marshal(value)
}

# A policy without namespace may be for containers outside Kubernetes, where the value is compared as it is.
# Where no name is left the policy still applies, only to more than was meant.
_severity(value) := {} if {
	count(value) > 2
	not is_null(input.policy.namespace)
} else := {"severity": "warning"}

_safety := "safe" if {
	not is_null(input.policy.namespace)
} else := "unsafe"

_condition := "" if {
	not is_null(input.policy.namespace)
} else := " if the policy is for Kubernetes"

_list(value) := trim(value, "[] ")

_hint(value) := $"write '[{names}]'{condition}" if {
	names := _list(value)
	names != ""
	condition := _condition
} else := "name the containers in brackets, or remove the label"

_fix(label) := {"fix": {
	"safety": _safety,
	"edits": [{"op": "replace", "pointer": label.pointer, "value": $"[{names}]"}],
}} if {
	names := _list(label.value)
	names != ""
} else := {}
