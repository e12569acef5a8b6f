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
	where := _where(relation)
	flags := _flags(rule)
	v := object.union(
		{
			"id": "HB302",
			"pointer": rule.pointer,
			"message": $"KubeArmor keeps one rule for {subject}: {where} replaces this one{flags}",
			"hint": "write one rule that has the flags of both",
			"related": [{"place": relation.other, "message": "replaces it"}],
		},
		_witness(relation),
	)
}

_where(relation) := $"{id} of this policy" if {
	relation.samePolicy
	id := relation.other.rule
} else := $"{name} ({id})" if {
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
