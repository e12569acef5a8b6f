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

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	hidden := [relation |
		some relation in input.relations
		relation.type == "hides"
		relation.pointer == rule.pointer
		not _exception(relation)
	]
	count(hidden) > 0
	first := hidden[0]
	blocks := _blocks(first)
	more := _more(count(hidden) - 1)
	deed := _deed(rule, first)
	v := object.union(
		{
			"id": "HB303",
			"pointer": rule.pointer,
			"message": $"{deed}, which {blocks} forbids everybody{more}: a rule with a source comes first",
			"hint": "narrow this rule, or repeat the Block with the same source",
			"related": [{"place": relation.other, "message": "blocks it for everybody"} | some relation in array.slice(hidden, 0, 5)],
		},
		_witness(first),
	)
}

# Another rule of this policy gives the same source exactly this path: the exception is written down.
_exception(relation) if {
	not is_null(relation.access)
	some rule in input.policy.rules
	rule.pointer != relation.pointer
	rule.action == "Allow"
	some target in rule.targets
	target.text == relation.access.target
	some source in rule.sources
	source.path.text == relation.access.source
}

_blocks(relation) := $"{id} of this policy" if {
	relation.samePolicy
	id := relation.other.rule
} else := $"{name} ({id})" if {
	name := relation.other.policy
	id := relation.other.rule
}

_more(0) := ""

_more(number) := $" (and {number} more)" if {
	number > 0
	number < _most - 1
}

_more(number) := $" (and at least {number} more)" if number >= _most - 1

# So many Blocks are looked for.
_most := 10

_deed(rule, relation) := $"this rule lets {source} {op} {target}" if {
	not is_null(relation.access)
	source := relation.access.source
	not is_null(source)
	op := object.get(_verbs, relation.access.op, relation.access.op)
	target := relation.access.target
} else := $"this rule lets its sources reach {subject}" if {
	subject := rules.subject(rule)
}

_verbs := {"exec": "run", "modify": "change", "network": "use", "dns": "look up", "capability": "use"}

_witness(relation) := {"witness": relation.access} if not is_null(relation.access)

_witness(relation) := {} if is_null(relation.access)
