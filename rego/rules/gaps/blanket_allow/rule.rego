# METADATA
# title: blanket-allow
# description: |
#   Allow on `/`, recursive and for everybody, puts every path on the allow-list of its domain. The
#   posture then never decides, and nothing is kept out but what other rules deny.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB402.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB402
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: List the directories that are needed, or remove the rule when only the other domain is to be restricted.
package hauberk.rules.gaps.blanket_allow

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rule.action == "Allow"
	rule.recursive
	rule.domain in {"process", "file"}
	some target in rule.targets
	target.canonical == "/"
	rules.unconditional(rule)
	effect := _effects[rule.domain]
	v := {
		"id": "HB402",
		"pointer": target.pointer,
		"message": $"Allow on / for everybody makes the {rule.domain} allow-list vacuous: {effect} unless another rule denies it",
		"hint": _hints[rule.domain],
	}
}

_effects := {
	"process": "every program may run",
	"file": "every file may be read, written and removed",
}

_hints := {
	"process": "list the programs or directories that may run",
	"file": "list the directories that are needed; a process allow-list needs no file rule beside it, as the domains are separate",
}
