# METADATA
# title: source-allow-hides-block
# description: |
#   A rule that names a source lets through what a Block rule for everybody forbids. A rule with a
#   source is looked at first, however broad it is.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB303.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB303
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Narrow the rule with the source, or repeat the Block for that source.
package hauberk.rules.conflicts.source_allow_hides_block

import data.hauberk.lib.accesses

violation contains v if {
	some rule in input.policy.rules
	hidden := [item | some item in input.hides; item.pointer == rule.pointer; count(accesses.asked(item.models)) > 0]
	count(hidden) > 0
	first := hidden[0]
	deed := accesses.sentence(first.access)
	block := _block(first)
	more := _more(count(hidden) - 1)
	v := {
		"id": "HB303",
		"pointer": rule.pointer,
		"model": accesses.models({name | some item in hidden; some name in item.models}),
		"message": $"by this rule {deed}, which {block} forbids everybody{more}: a rule with a source comes first",
		"hint": "narrow this rule, or repeat the Block with the same source",
		"witness": first.access,
		"related": [{"place": item.block, "message": "blocks it for everybody"} | some item in array.slice(hidden, 0, 5)],
	}
}

_block(item) := $"{id} of this policy" if {
	item.samePolicy
	id := item.block.rule
} else := accesses.rule_name(item.block, false)

_more(0) := ""

_more(number) := $" (and {number} more)" if {
	number > 0
	number < _most - 1
}

_more(number) := $" (and at least {number} more)" if number >= _most - 1

# So many Blocks are looked for.
_most := 10
