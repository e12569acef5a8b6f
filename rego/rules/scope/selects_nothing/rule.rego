# METADATA
# title: selects-nothing
# description: |
#   The repository defines workloads where the policy could select them, and none matches its selector.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB503.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB503
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Compare the selector with the labels of the pod template.
package hauberk.rules.scope.selects_nothing

import data.hauberk.lib.text

violation contains v if {
	input.repository.manifests > 0
	input.repository.matched == 0
	not _said_elsewhere
	what := _what
	v := {
		"id": "HB503",
		"pointer": _pointer,
		"message": $"the manifests define {what} that the policy could select, and its selector matches none",
		"hint": "compare the selector with the labels of the pod template (of the Node for host policies)",
	}
}

# HB502 and HB504 to HB508 say why.
_said_elsewhere if {
	input.policy.kind == "KubeArmorHostPolicy"
	input.policy.nodeSelector.matchLabels == []
}

_pointer := input.policy.nodeSelector.pointer if {
	input.policy.kind == "KubeArmorHostPolicy"
} else := input.policy.selector.pointer

_what := text.counted(input.repository.manifests, "workload") if {
	input.policy.kind != "KubeArmorHostPolicy"
} else := text.counted(input.repository.manifests, "node")
