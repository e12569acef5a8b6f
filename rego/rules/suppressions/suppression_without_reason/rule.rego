# METADATA
# title: suppression-without-reason
# description: |
#   A suppression without a reason, without ids, or with an id that no rule has.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB902.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB902
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: "Write `# hauberk: ignore[HB304] reason: ...`."
package hauberk.rules.suppressions.suppression_without_reason

import data.hauberk.lib.text

violation contains v if {
	some suppression in input.suppressions
	suppression.reason == ""
	v := _finding(suppression, "a suppression needs a reason", "write `reason: ...` behind the ids")
}

violation contains v if {
	some suppression in input.suppressions
	suppression.ids == []
	v := _finding(suppression, "a suppression names the rules it is for", "write ignore[HB304]")
}

violation contains v if {
	some suppression in input.suppressions
	count(suppression.unknown) > 0
	ids := text.listing(suppression.unknown)
	v := _finding(suppression, $"no rule has the id {ids}", "take the id from the finding")
}

violation contains v if {
	some exception in input.exceptions
	exception.reason == ""
	v := {
		"id": "HB902",
		"pointer": exception.pointer,
		"message": "an exception needs a reason",
		"hint": "add reason",
	}
}

_finding(suppression, message, hint) := {
	"id": "HB902",
	"pointer": "",
	"position": suppression.position,
	"message": message,
	"hint": hint,
}
