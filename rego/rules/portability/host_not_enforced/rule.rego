# METADATA
# title: host-not-enforced
# description: |
#   Rules of a host policy that KubeArmor leaves out on the node: capabilities and DNS queries. Also the
#   path of a host's syscall rules, which is lost, so that the rule matches the syscall for every path.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB605.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB605
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Remove them, or enforce the policy with hauberk.
package hauberk.rules.portability.host_not_enforced

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	input.policy.kind == "KubeArmorHostPolicy"
	some domain in ["capabilities", "dns"]
	lost := [rule | some rule in input.policy.rules; rule.domain == domain; rules.decides(rule)]
	count(lost) > 0
	what := _what[domain]
	number := text.counted(count(lost), "rule")
	v := {
		"id": "HB605",
		"pointer": lost[0].values[0].pointer,
		"message": $"KubeArmor's BPF-LSM enforcer leaves {what} out of host policies: {number} without effect",
		"hint": "remove them, so that nobody relies on them",
	}
}

violation contains v if {
	input.policy.kind == "KubeArmorHostPolicy"
	paths := [syscall | some syscall in input.policy.syscalls; not is_null(syscall.path)]
	count(paths) > 0
	first := paths[0].path
	v := {
		"id": "HB605",
		"pointer": $"{paths[0].pointer}/path",
		"message": $"KubeArmor loses the path of a host's syscall rules: the rule for {first} matches the syscall for every path",
		"hint": "use matchSyscalls, or a file rule",
	}
}

_what := {"capabilities": "capabilities", "dns": "DNS queries"}
