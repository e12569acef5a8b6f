# METADATA
# title: no-target
# description: |
#   A process rule with neither path nor execname. It matches no program; as Allow it still turns the
#   process allow-list on, so that every program falls under the posture.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB205.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB205
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Give the rule a path or an execname, or remove it.
package hauberk.rules.dead.no_target

violation contains v if {
	some rule in input.policy.rules
	rule.section == "process"
	rule.list == "matchPaths"
	rule.targets == []
	not _refused(rule)
	effect := _effect(rule.action)
	v := {
		"id": "HB205",
		"pointer": rule.pointer,
		"message": $"neither path nor execname: the rule matches no program{effect}",
		"hint": "add path, or remove the rule",
	}
}

_effect("Allow") := ", yet it turns the process allow-list on"

_effect(action) := "" if action != "Allow"

# The target has a value that the schema refuses: HB104 reports that.
_refused(rule) if {
	some problem in input.problems
	problem.kind in {"schema", "null"}
	problem.pointer in {$"{rule.pointer}/path", $"{rule.pointer}/execname"}
}
