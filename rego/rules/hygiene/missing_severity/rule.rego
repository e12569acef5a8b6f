# METADATA
# title: missing-severity
# description: |
#   Block and Audit rules without a severity at any level. Their alerts carry none, so filters by
#   severity miss them; those of host policies carry 1, the lowest. Severity 0 counts as none.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB701.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB701
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write a severity from 1 to 10 in the spec.
package hauberk.rules.hygiene.missing_severity

violation contains v if {
	alerting := [rule | some rule in input.policy.rules; rule.action in {"Block", "Audit"}]
	without := [rule | some rule in alerting; is_null(rule.severity)]
	count(without) > 0
	number := count(without)
	of := count(alerting)
	effect := _effect
	zero := _zero
	v := {
		"id": "HB701",
		"pointer": _pointer({rule.section | some rule in without}),
		"message": $"no severity for {number} of {of} blocking or auditing rules: {effect}{zero}",
		"hint": "write severity: 1 (low) to 10 (high) in the spec",
	}
}

_pointer(sections) := "/spec/severity" if {
	not is_null(input.policy.severity)
} else := $"/spec/{section}" if {
	count(sections) == 1
	some section in sections
} else := "/spec"

# Only of host policies: ParseAndUpdateHostSecurityPolicy sets it.
_effect := "KubeArmor reports them with severity 1, the lowest" if {
	input.policy.kind == "KubeArmorHostPolicy"
	"kubearmor" in input.target
} else := "their alerts carry none"

_zero := ", as severity 0 counts as not given" if {
	input.policy.severity == 0
} else := ""
