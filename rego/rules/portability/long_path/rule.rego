# METADATA
# title: long-path
# description: |
#   A path of 200 bytes or more, as target or source. KubeArmor sees at most 199 bytes of a path, so the
#   rule never matches.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB602.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB602
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use a directory rule for a parent.
package hauberk.rules.portability.long_path

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rules.decides(rule)
	some target in rule.targets
	target.field == "path"
	target.bytes > 199
	v := _finding(target, "this rule")
}

violation contains v if {
	some rule in input.policy.rules
	rules.decides(rule)
	some source in rule.sources
	source.path.bytes > 199
	v := _finding(source.path, "this source")
}

_finding(name, what) := {
	"id": "HB602",
	"pointer": name.pointer,
	"message": $"{bytes} bytes: KubeArmor sees at most 199 bytes of a path, so {what} never matches",
	"hint": "use matchDirectories with a parent directory (64 bytes at most)",
} if {
	bytes := name.bytes
}
