# METADATA
# title: flags-lost
# description: |
#   Two rules with the same match, source and action but different flags. KubeArmor does not join them:
#   the last replaces the other, so this rule's flags are lost.
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
			"hint": "write one rule that has the flags of both",
			"related": [{"place": relation.other, "message": "the same match with other flags"}],
		},
		_witness(relation),
	)
}

_outcome(relation, rule) := $"{id} of this policy replaces this one{flags}" if {
	relation.samePolicy
	id := relation.other.rule
	flags := _flags(rule)
} else := $"of this one and {name} ({id}) the one that arrives last stays, flags and all" if {
	name := relation.other.policy
	id := relation.other.rule
}

_flags(rule) := $", and its {list} is lost" if {
	given := array.concat(
		array.concat(_read_only(rule), _owner_only(rule)),
		array.concat(_pts(rule), _arguments(rule)),
	)
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
