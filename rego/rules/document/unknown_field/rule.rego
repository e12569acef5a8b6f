# METADATA
# title: unknown-field
# description: |
#   A field that the kind does not have at this place. It never takes effect: the API server drops it
#   silently, or refuses the whole policy when validation is strict or the policy is applied server-side
#   (Flux always does that).
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB103.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB103
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Write the field that was meant, at the place where it belongs.
package hauberk.rules.document.unknown_field

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	problem.kind == "unknown-field"
	base := {
		"id": "HB103",
		"severity": problem.detail.severity,
		"pointer": problem.pointer,
		"message": $"{problem.message}: the API server drops it silently, or refuses the policy (strict validation, server-side apply)",
		"hint": _hint(problem),
	}
	v := object.union(object.union(base, rules.placed(problem)), _fix(problem))
}

_nearest(problem) := problem.detail.nearest if problem.detail.nearest != null

_hint(problem) := $"did you mean {nearest}?" if {
	nearest := _nearest(problem)
	not contains(nearest, ".")
} else := $"write it as {nearest}" if {
	nearest := _nearest(problem)
} else := _hints[problem.detail.name] if {
	true
} else := "remove it"

_hints := {
	"fromSource": "remove it: rules of this list cannot be limited to a source",
	"readOnly": "remove it: only file rules have readOnly",
	"matchLabels": "remove it: a cluster policy selects by matchExpressions only",
	"presets": "remove it: host policies have no presets",
	"action": "remove it: there is no action at this place",
	"dir": "name single programs with path: a source cannot be a directory here",
}

_fix(problem) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "rename", "pointer": problem.pointer, "key": nearest}],
}} if {
	nearest := _nearest(problem)
	not contains(nearest, ".")
} else := {}
