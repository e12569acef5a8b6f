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
	named := {item.target.text | some item in allowed}
	names := text.listing(sort(named))
	words := _words(count(named))
	run := words.run
	v := {
		"id": "HB410",
		"pointer": allowed[0].target.pointer,
		"message": $"the process allow-list lets {names} run: which scripts {run}, no process rule decides",
		"hint": _hint(allowed, words),
	}
}

_words(number) := {"run": "it runs", "leave": "leave it out if the workload does not need it", "start": "start it"} if {
	number == 1
} else := {"run": "they run", "leave": "leave out what the workload does not need", "start": "start the rest"}

# Some rule lets everybody start it.
_hint(allowed, words) := $"{leave}, or name the sources that may {start}" if {
	some item in allowed
	item.rule.sources == []
	leave := words.leave
	start := words.start
} else := words.leave
