# METADATA
# title: action-missing
# description: |
#   Rules for which no action is given at any level. Block is assumed for them.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB310.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB310
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: "Write the action, e.g. action: Audit to try the policy first."
package hauberk.rules.conflicts.action_missing

import data.hauberk.lib.text

violation contains v if {
	without := [rule | some rule in input.policy.rules; rule.actionLevel == "default"]
	count(without) > 0
	number := text.counted(count(without), "rule")
	v := {
		"id": "HB310",
		"pointer": "/spec",
		"message": $"no action is given: Block is assumed for {number}",
		"hint": "write action: Block, or action: Audit to try the policy first",
		"fix": {"safety": "safe", "edits": [{"op": "add", "pointer": "/spec", "key": "action", "value": "Block"}]},
	}
}
