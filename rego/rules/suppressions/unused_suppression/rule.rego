# METADATA
# title: unused-suppression
# description: |
#   A suppression in a comment, or an exception in hauberk.yaml, that suppresses nothing. It hides the
#   next finding of its rule, which nobody will see.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB901.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB901
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Remove it.
package hauberk.rules.suppressions.unused_suppression

import data.hauberk.lib.text

violation contains v if {
	some suppression in input.suppressions
	unused := [id | some id in suppression.unused; not id in suppression.unknown]
	count(unused) > 0
	ids := text.listing(unused)
	v := object.union(
		{
			"id": "HB901",
			"pointer": "",
			"position": suppression.position,
			"message": $"nothing here is suppressed by {ids}",
			"hint": "remove it",
		},
		_fix(suppression, unused),
	)
}

violation contains v if {
	some exception in input.exceptions
	not exception.used
	not exception.expired
	ids := text.listing(exception.rules)
	v := {
		"id": "HB901",
		"pointer": exception.pointer,
		"message": $"this exception for {ids} matches no finding",
		"hint": "remove it",
	}
}

# Only a comment of which no id is needed can go as a whole.
_fix(suppression, unused) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "text", "position": suppression.position, "text": ""}],
}} if {
	count(unused) == count(suppression.ids)
} else := {}
