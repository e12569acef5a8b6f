# METADATA
# title: long-directory
# description: |
#   A directory of more than 64 bytes. KubeArmor compares only prefixes within the first 64 bytes of a
#   path, so nothing below such a directory ever matches.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB601.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB601
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use a shorter parent directory, or list the paths.
package hauberk.rules.portability.long_directory

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rule.list == "matchDirectories"
	rules.decides(rule)
	some target in rule.targets
	target.bytes > 64
	endswith(target.text, "/")
	bytes := target.bytes
	v := {
		"id": "HB601",
		"pointer": target.pointer,
		"message": $"{bytes} bytes: KubeArmor looks for directories in the first 64 bytes of a path, so nothing below this one matches",
		"hint": "use a shorter parent directory, or list the paths (below 200 bytes each)",
	}
}
