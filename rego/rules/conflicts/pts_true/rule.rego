# METADATA
# title: pts-true
# description: |
#   `pts: true` has no effect. Only `pts: false` restricts: it denies on a terminal.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB307.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB307
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: "Remove pts, or write pts: false."
package hauberk.rules.conflicts.pts_true

violation contains v if {
	some rule in input.policy.rules
	rule.pts == true
	v := {
		"id": "HB307",
		"pointer": $"{rule.pointer}/pts",
		"message": "pts: true has no effect: only pts: false restricts, by denying on a terminal",
		"hint": "remove pts",
		"fix": {"safety": "safe", "edits": [{"op": "remove", "pointer": $"{rule.pointer}/pts"}]},
	}
}
