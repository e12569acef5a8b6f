# METADATA
# title: interpreter-allowed
# description: |
#   A shell or an interpreter is on the process allow-list. What it does is decided by scripts and
#   arguments, which process rules do not see.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB410.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB410
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Leave interpreters out, or limit what they may read and whom they may start.
package hauberk.rules.gaps.interpreter_allowed

import data.hauberk.lib.programs
import data.hauberk.lib.text

violation contains v if {
	allowed := [{"rule": rule, "target": target} |
		some rule in input.policy.rules
		rule.section == "process"
		rule.action == "Allow"
		rule.allowedArgs == []
		some target in rule.targets
		target.field in {"path", "execname"}
		programs.interpreter(target.name)
	]
	count(allowed) > 0
	names := text.listing(sort({item.target.text | some item in allowed}))
	first := allowed[0]
	v := {
		"id": "HB410",
		"pointer": first.target.pointer,
		"message": $"the process allow-list lets {names} run: which scripts they run, no process rule decides",
		"hint": "leave it out if the workload does not need it, or name the sources that may start it",
	}
}
