# METADATA
# title: deep-path
# description: |
#   A path of more than 20 parts. KubeArmor sees the last 20 parts of a path, so it never matches from
#   the root.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB603.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB603
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Use a rule for a parent directory that is less deep.
package hauberk.rules.portability.deep_path

import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rules.decides(rule)
	some target in rule.targets
	target.components > _most[target.field]
	v := _finding(target, _what[target.field])
}

violation contains v if {
	some rule in input.policy.rules
	rules.decides(rule)
	some source in rule.sources
	source.path.components > 20
	v := _finding(source.path, "this source never matches")
}

# What is in a directory has one part more than the directory.
_most := {"path": 20, "dir": 19}

_what := {"path": "this rule never matches", "dir": "nothing below this directory matches"}

_finding(name, effect) := {
	"id": "HB603",
	"pointer": name.pointer,
	"message": $"{parts} parts: KubeArmor sees the last 20 parts of a path, so {effect}",
	"hint": "use a parent directory that is less deep",
} if {
	parts := name.components
}
