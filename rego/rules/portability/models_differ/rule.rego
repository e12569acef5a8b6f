# METADATA
# title: models-differ
# description: |
#   KubeArmor and Hauberk decide an access otherwise by this rule. Who moves from one enforcer to the other should know.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB608.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB608
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Write the rule so that both decide alike, or compare them with hauberk diff --from-model kubearmor --to-model hauberk.
package hauberk.rules.portability.models_differ

import data.hauberk.lib.accesses

violation contains v if {
	count(input.target) == 2
	some item in input.parted
	who := accesses.actor(item.access)
	deed := accesses.act(item.access)
	hauberk := _said(item.hauberk)
	kubearmor := _said(item.kubearmor)
	v := {
		"id": "HB608",
		"pointer": item.pointer,
		"message": $"the models part when {who} {deed}: kubearmor says {kubearmor}, hauberk says {hauberk}",
		"hint": "`hauberk diff --from-model kubearmor --to-model hauberk` shows all such accesses",
		"witness": item.access,
	}
}

_said(one) := $"{verdict} by {rule}" if {
	not is_null(one.place)
	verdict := one.verdict
	rule := one.place.rule
}

_said(one) := $"{verdict} as no rule decides" if {
	is_null(one.place)
	verdict := one.verdict
}
