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
	v := object.union(
		{
			"id": "HB305",
			"pointer": $"{rule.pointer}/ownerOnly",
			"message": $"ownerOnly exempts the owner of {subject} from this Block: it denies other users only",
			"hint": "remove ownerOnly to block everybody",
		},
		_where(rule.list),
	)
}

# KubeArmor does not read patterns at all (HB208).
_where(list) := {} if list != "matchPatterns"

_where("matchPatterns") := {"model": "hauberk"} if "hauberk" in input.target
