# METADATA
# title: execname-combination
# description: |
#   execname together with fromSource or allowedArgs. KubeArmor looks an execname up for every source at
#   once and looks arguments up by path, so the rule with a source never matches and arguments are never
#   found.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB207.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB207
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Give path instead of execname.
package hauberk.rules.dead.execname_combination

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	_execname(rule)
	count(rule.sources) > 0
	every source in rule.sources {
		source.path != null
	}
	effect := _unmatched(rule.action)
	v := {
		"id": "HB207",
		"pointer": $"{rule.pointer}/execname",
		"message": $"KubeArmor never matches an execname with fromSource{effect}",
		"hint": "give path instead of execname",
	}
}

violation contains v if {
	some rule in input.policy.rules
	_execname(rule)
	count(rule.allowedArgs) > 0
	rule.sources == []
	not rule.ownerOnly
	rule.pts != false
	some target in rule.targets
	target.field == "execname"
	name := target.text
	effect := _whatever[rule.action]
	v := {
		"id": "HB207",
		"pointer": $"{rule.pointer}/allowedArgs",
		"message": $"KubeArmor never finds the arguments of an execname: {name} {effect}",
		"hint": "give path instead of execname",
	}
}

_execname(rule) if {
	rule.section == "process"
	rules.decides(rule)
	some target in rule.targets
	target.field == "execname"
}

_unmatched("Allow") := ": the rule allows nothing, yet turns the process allow-list on"

_unmatched("Block") := ": the rule blocks nothing"

_whatever := {"Block": "is blocked with any arguments", "Allow": "may run with any arguments"}
