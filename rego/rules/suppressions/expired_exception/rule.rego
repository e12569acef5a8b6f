# METADATA
# title: expired-exception
# description: |
#   An exception of hauberk.yaml whose date `expires` has passed. Its findings are reported again.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB903.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB903
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Correct the policy, or renew the date with a reason.
package hauberk.rules.suppressions.expired_exception

import data.hauberk.lib.text

violation contains v if {
	some exception in input.exceptions
	exception.expired
	ids := text.listing(exception.rules)
	date := exception.expires
	v := {
		"id": "HB903",
		"pointer": exception.pointer,
		"message": $"the exception for {ids} expired on {date}",
		"hint": "correct the policy, or renew the date and say why",
	}
}
