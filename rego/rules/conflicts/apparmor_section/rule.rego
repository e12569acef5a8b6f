# METADATA
# title: apparmor-section
# description: |
#   spec.apparmor holds raw AppArmor lines. BPF-LSM nodes and hauberk ignore them, and KubeArmor
#   attributes no alert to the other rules of such a policy.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB311.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB311
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write the lines as process, file, network and capability rules.
package hauberk.rules.conflicts.apparmor_section

violation contains v if {
	input.policy.apparmor
	effect := _effect
	v := {
		"id": "HB311",
		"pointer": "/spec/apparmor",
		"message": $"raw AppArmor lines do nothing on a BPF-LSM node{effect}",
		"hint": "write them as process, file, network and capability rules",
	}
}

_effect := ", and KubeArmor raises no alert for the other rules of this policy" if {
	"kubearmor" in input.target
	count(input.policy.rules) > 0
} else := ""
