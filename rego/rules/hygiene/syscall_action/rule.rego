# METADATA
# title: syscall-action
# description: |
#   Syscall rules only report. A spec.action of Block or Allow does not hold for them.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB703.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB703
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Use a seccomp profile to block system calls.
package hauberk.rules.hygiene.syscall_action

violation contains v if {
	count(input.policy.syscalls) > 0
	lower(input.policy.action) in {"block", "allow"}
	action := input.policy.action
	v := {
		"id": "HB703",
		"pointer": "/spec/action",
		"message": $"syscall rules only audit: action {action} does not hold for them",
		"hint": _hint,
	}
}

_hint := "write action: Audit; a seccomp profile can block system calls" if {
	input.policy.rules == []
} else := "move the syscall rules to a policy of their own; a seccomp profile can block system calls"
