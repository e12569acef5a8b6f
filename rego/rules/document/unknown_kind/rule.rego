# METADATA
# title: unknown-kind
# description: |
#   The document looks like a policy of this family, but its kind and apiVersion are none that we know.
#   It is not checked further, and the API server has no such resource.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB105.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB105
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: "Write apiVersion: security.kubearmor.com/v1 and one of the kinds KubeArmorPolicy, KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorNetworkPolicy."
package hauberk.rules.document.unknown_kind

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	problem.kind == "unknown-kind"
	base := {
		"id": "HB105",
		"pointer": problem.pointer,
		"message": problem.message,
		"hint": _hint(problem),
	}
	v := object.union(base, rules.placed(problem))
}

_hint(problem) := $"did you mean {nearest}?" if {
	problem.detail.nearest != null
	nearest := problem.detail.nearest
} else := "write apiVersion: security.kubearmor.com/v1" if {
	problem.pointer == "/apiVersion"
} else := $"known are {known} of security.kubearmor.com/v1" if {
	known := "KubeArmorPolicy, KubeArmorClusterPolicy, KubeArmorHostPolicy and KubeArmorNetworkPolicy"
}
