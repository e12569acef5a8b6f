# METADATA
# title: duplicate-key
# description: |
#   A mapping has the same key twice. The last one silently wins, so the first value, often a whole list
#   of rules, is lost.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB102.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB102
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Merge the two into one, or remove the one that is not meant.
package hauberk.rules.document.duplicate_key

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	problem.kind == "duplicate-key"
	name := problem.detail.name
	base := {
		"id": "HB102",
		"severity": problem.detail.severity,
		"pointer": problem.pointer,
		"message": problem.message,
		"hint": $"keep one {name} that holds what both say",
	}
	v := object.union(base, rules.placed(problem))
}
