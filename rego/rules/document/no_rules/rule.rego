# METADATA
# title: no-rules
# description: |
#   The policy has no rule, preset, syscall or device entry. It selects workloads and then says nothing
#   about them.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB108.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB108
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Add rules, or remove the policy.
package hauberk.rules.document.no_rules

violation contains v if {
	input.policy.kind != "KubeArmorNetworkPolicy"
	input.policy.rules == []
	input.policy.presets == []
	input.policy.syscalls == []
	input.policy.devices == []
	not input.policy.apparmor
	not _unreadable
	v := {
		"id": "HB108",
		"pointer": "/spec",
		"message": "the policy has no rule: nothing is enforced and nothing reported",
		"hint": "add a rule under process, file, network or capabilities, or remove the policy",
	}
}

# A section of the wrong type may well mean rules: HB104 reports it.
_unreadable if {
	some problem in input.problems
	problem.kind == "schema"
	problem.detail.keyword == "type"
	startswith(problem.pointer, "/spec")
}
