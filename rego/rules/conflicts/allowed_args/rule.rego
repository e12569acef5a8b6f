# METADATA
# title: allowed-args
# description: |
#   allowedArgs with Allow: KubeArmor lets every other argument pass too, without a report. Also
#   arguments longer than the 103 bytes that KubeArmor holds.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB306.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB306
#   severity: warning
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use Block with allowedArgs, which means block unless the arguments are listed.
package hauberk.rules.conflicts.allowed_args

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	count(rule.allowedArgs) > 0
	rule.action == "Allow"
	not rule.ownerOnly
	rule.pts != false
	some target in rule.targets
	target.field == "path"
	count(rule.targets) == 1
	program := target.text
	v := {
		"id": "HB306",
		"pointer": $"{rule.pointer}/allowedArgs",
		"message": $"Allow with allowedArgs restricts nothing: KubeArmor lets {program} run with any arguments",
		"hint": "use action: Block, which blocks the program unless its arguments are listed",
	}
}

violation contains v if {
	some rule in input.policy.rules
	rules.decides(rule)
	some argument in rule.allowedArgs
	argument.bytes > 103
	bytes := argument.bytes
	v := {
		"id": "HB306",
		"pointer": argument.pointer,
		"message": $"KubeArmor holds 103 bytes of an argument: this one of {bytes} bytes is not compared whole",
		"hint": "allow a shorter argument, or allow the program without arguments",
	}
}
