# METADATA
# title: flags-lost
# description: |
#   Two rules with the same match and source that do not contradict each other but have different flags.
#   KubeArmor does not join them: the last replaces the other, so this rule's flags are lost.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB302.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB302
#   severity: warning
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Write one rule with the flags of both.
package hauberk.rules.conflicts.flags_lost

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	some relation in input.relations
	relation.type == "flags"
	some rule in input.policy.rules
	rule.pointer == relation.pointer
	subject := rules.subject(rule)
	outcome := _outcome(relation, rule)
	v := object.union(
		{
			"id": "HB302",
			"pointer": rule.pointer,
			"message": $"KubeArmor keeps one rule for {subject}: {outcome}",
			"hint": _hint(relation, rule),
			"related": [{"place": relation.other, "message": "the same match with other flags"}],
		},
		_witness(relation),
	)
}

# A Block denies what misses one of its flags; without any it denies everything, and more flags would only weaken it.
_hint(relation, rule) := "make their matches differ, or write one rule" if {
	some other in _others(relation)
	other.recursive != rule.recursive
} else := "keep the rule without flags: it denies all that the other does" if {
	rule.action == "Block"
	some other in array.concat([rule], _others(relation))
	other.action == "Block"
	count(_given(other)) == 0
} else := "write one rule that has the flags of both; if the other has none, keep that one" if {
	rule.action == "Block"
	not relation.samePolicy
} else := "keep one of the two rules" if {
	some other in _others(relation)
	other.action != rule.action
} else := "write one rule that has the flags of both"

# The other rule, as far as it is known here.
_others(relation) := [other |
	relation.samePolicy
	some other in input.policy.rules
	other.id == relation.other.rule
]

_outcome(relation, rule) := $"{id} of this policy replaces this one{flags}" if {
	relation.samePolicy
	id := relation.other.rule
	flags := _flags(rule)
} else := $"of this one and {name} ({id}) the one that arrives last stays, flags and all" if {
	name := relation.other.policy
	id := relation.other.rule
}

_given(rule) := array.concat(
	array.concat(_read_only(rule), _owner_only(rule)),
	array.concat(_pts(rule), _arguments(rule)),
)

_flags(rule) := $", and its {list} is lost" if {
	given := _given(rule)
	count(given) > 0
	list := text.listing(given)
} else := ""

_read_only(rule) := ["readOnly"] if rule.readOnly

_read_only(rule) := [] if not rule.readOnly

_owner_only(rule) := ["ownerOnly"] if rule.ownerOnly

_owner_only(rule) := [] if not rule.ownerOnly

_pts(rule) := ["pts"] if rule.pts == false

_pts(rule) := [] if rule.pts != false

_arguments(rule) := ["allowedArgs"] if count(rule.allowedArgs) > 0

_arguments(rule) := [] if count(rule.allowedArgs) == 0

_witness(relation) := {"witness": relation.access} if not is_null(relation.access)

_witness(relation) := {} if is_null(relation.access)
