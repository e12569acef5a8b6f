# METADATA
# title: untracked-namespace
# description: |
#   The policy is for kube-system or for KubeArmor's own namespace. KubeArmor does not enforce there: by
#   default both are audited or not looked at.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB510.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB510
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Choose other namespaces; protect system pods by a host policy or by other means.
package hauberk.rules.scope.untracked_namespace

violation contains v if {
	input.policy.kind == "KubeArmorPolicy"
	namespace := input.policy.namespace
	namespace in _untracked
	v := {
		"id": "HB510",
		"pointer": "/metadata/namespace",
		"message": $"KubeArmor does not enforce policies in namespace {namespace} (its defaults)",
		"hint": "move the policy, or take the namespace off KubeArmor's list of untracked namespaces",
	}
}

violation contains v if {
	input.policy.kind == "KubeArmorClusterPolicy"
	some expression in input.policy.selector.expressions
	expression.key == "namespace"
	expression.operator == "In"
	some value in expression.values
	value.text in _untracked
	namespace := value.text
	v := {
		"id": "HB510",
		"pointer": value.pointer,
		"message": $"KubeArmor does not enforce policies in namespace {namespace} (its defaults)",
		"hint": "remove this namespace from the list",
	}
}

_untracked := {"kube-system", "kubearmor"}
