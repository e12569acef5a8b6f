# METADATA
# title: owner-block
# description: |
#   A Block rule with ownerOnly does not block the owner. It lets the owner of the file through and
#   denies everybody else, exactly as an Allow rule with ownerOnly does.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB305.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB305
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Remove ownerOnly to block everybody.
package hauberk.rules.conflicts.owner_block

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rule.ownerOnly
	rule.action == "Block"
	rule.pts != false
	rule.allowedArgs == []
	subject := rules.subject(rule)
	deed := _deed(rule)
	v := object.union(
		{
			"id": "HB305",
			"pointer": $"{rule.pointer}/ownerOnly",
			"message": $"Block with ownerOnly lets the owner through: who owns {subject} may {deed}, everybody else is denied",
			"hint": "remove ownerOnly to block everybody",
		},
		_where(rule.list),
	)
}

_deed(rule) := "run it" if rule.section == "process"

_deed(rule) := "read it" if {
	rule.section != "process"
	rule.readOnly
}

_deed(rule) := "read and change it" if {
	rule.section != "process"
	not rule.readOnly
}

# KubeArmor does not read patterns at all (HB208).
_where(list) := {} if list != "matchPatterns"

_where("matchPatterns") := {"model": "hauberk"} if "hauberk" in input.target
