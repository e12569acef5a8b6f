# METADATA
# title: cluster-policy-name
# description: |
#   A cluster policy with the name of a KubeArmorPolicy. KubeArmor tells them apart by name only, so one
#   is dropped or overwritten.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB509.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB509
#   severity: error
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Give the cluster policy a name of its own.
package hauberk.rules.scope.cluster_policy_name

violation contains v if {
	input.policy.kind == "KubeArmorClusterPolicy"
	others := input.repository.sameNameCluster
	count(others) > 0
	name := input.policy.name
	not is_null(name)
	v := {
		"id": "HB509",
		"pointer": "/metadata/name",
		"message": $"KubeArmor tells a cluster policy from others by name only, and a KubeArmorPolicy is named {name} too: one of them is dropped or overwritten",
		"hint": "give the cluster policy a name of its own, e.g. with the prefix cluster-",
		"related": [{"place": place, "message": "has the same name"} | some place in others],
	}
}
