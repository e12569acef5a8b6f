# METADATA
# title: fileless-exec
# description: |
#   A process allow-list without the preset filelessExec. KubeArmor lets programs without a path (memfd)
#   run past the list.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB408.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB408
#   severity: warning
#   models: [kubearmor]
#   needs: repo
#   fix: safe
#   recommended_action: Add the preset filelessExec.
package hauberk.rules.gaps.fileless_exec

import data.hauberk.lib.rules

violation contains v if {
	input.policy.kind != "KubeArmorHostPolicy"
	open := [list |
		some workload in input.workloads
		some list in workload.allowLists
		list.domain == "process"
		not list.filelessPreset
		count(list.own) > 0
	]
	count(open) > 0
	own := {pointer | some list in open; some pointer in list.own}
	first := [rule | some rule in input.policy.rules; rule.pointer in own][0]
	action := _action({list.posture | some list in open})
	v := object.union(
		{
			"id": "HB408",
			"pointer": rules.action_pointer(first),
			"message": "KubeArmor does not ask the process allow-list about programs without a path: code in a memfd runs",
			"hint": $"{_begin} {action}",
		},
		_fix(action),
	)
}

_named if {
	some preset in input.policy.presets
	preset.name.text == "filelessExec"
}

_begin := "set the action of the preset filelessExec to" if _named

_begin := "add the preset filelessExec with action:" if not _named

# Where the list itself only audits, the preset should not begin to block.
_action({"block"}) := "Block"

_action(postures) := "Audit" if postures != {"block"}

_fix(action) := {"fix": {"safety": "safe", "edits": [{
	"op": "add",
	"pointer": "/spec",
	"key": "presets",
	"value": [{"name": "filelessExec", "action": action}],
}]}} if {
	input.policy.presets == []
} else := {}
