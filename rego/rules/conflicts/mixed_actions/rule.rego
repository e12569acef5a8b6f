# METADATA
# title: mixed-actions
# description: |
#   Rules whose action differs from spec.action, because a section or the rule itself says another one.
#   That is allowed; it is told because allow-lists are turned on for some domains only.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB309.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB309
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Correct the action, or write one policy for each action.
package hauberk.rules.conflicts.mixed_actions

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	input.policy.action != ""
	wanted := lower(input.policy.action)
	others := [rule | some rule in input.policy.rules; rule.action != null; lower(rule.actionText) != wanted]
	count(others) > 0
	first := others[0]
	stated := input.policy.action
	action := first.action
	number := count(others)
	of := text.counted(count(input.policy.rules), "rule")
	ids := text.listing([id | some rule in others; id := rule.id])
	v := {
		"id": "HB309",
		"pointer": rules.action_pointer(first),
		"message": $"spec.action is {stated}, but another action counts for {number} of {of} ({ids}; the first: {action})",
		"hint": "correct the action, or write one policy for each action",
	}
}
