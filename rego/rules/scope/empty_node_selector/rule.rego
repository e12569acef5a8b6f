# METADATA
# title: empty-node-selector
# description: |
#   A host policy whose nodeSelector has no labels. Unlike an empty selector for pods it matches no
#   node, so the policy is dead.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB502.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB502
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Give nodeSelector.matchLabels a label of the nodes, e.g. kubernetes.io/hostname.
package hauberk.rules.scope.empty_node_selector

violation contains v if {
	input.policy.kind == "KubeArmorHostPolicy"
	selector := input.policy.nodeSelector
	selector.written
	selector.matchLabels == []
	not _refused
	v := {
		"id": "HB502",
		"pointer": selector.pointer,
		"message": "nodeSelector has no labels: the policy matches no node",
		"hint": "add matchLabels; kubernetes.io/os: linux, for example, is on every Linux node",
	}
}

# The selector has a value that the schema refuses: HB104 reports it. So it does when nodeSelector is missing.
_refused if {
	some problem in input.problems
	problem.kind == "schema"
	startswith(problem.pointer, "/spec/nodeSelector")
}
