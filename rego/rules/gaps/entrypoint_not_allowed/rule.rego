# METADATA
# title: entrypoint-not-allowed
# description: |
#   What the container starts by its entrypoint or command, by a probe or by a hook, the process rules
#   would not let run: the program itself, the interpreter of its first line, or what env looks up there.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB404.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB404
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: image
#   fix: none
#   recommended_action: Add the program, as the kernel sees it, to the process allow-list.
package hauberk.rules.gaps.entrypoint_not_allowed

violation contains v if {
	some image in input.images
	some start in image.entrypoints
	program := start.program
	what := _what(start)
	why := _why(start)
	v := object.union(
		{
			"id": "HB404",
			"pointer": start.pointer,
			"message": $"{what} {program}, {why}",
			"hint": _hint(start.rule, program),
			"witness": {"op": "exec", "target": program, "source": start.source},
		},
		_severity(start.posture),
	)
}

_what(start) := $"{field} of {workload} starts" if {
	is_null(start.source)
	field := start.field
	workload := start.workload
} else := $"{field} of {workload} makes {source} start" if {
	field := start.field
	workload := start.workload
	source := start.source
}

_why(start) := $"which {rule} denies: it does not run" if {
	start.posture == "block"
	rule := start.rule
	not is_null(rule)
} else := "which the process allow-list lacks: it does not run" if {
	start.posture == "block"
} else := "which the process allow-list lacks: under posture block it would not run"

_hint(null, program) := $"add {program} to the process rules"

_hint(rule, program) := $"allow {program}, or leave it out of {rule}" if not is_null(rule)

_severity("block") := {}

# Nothing fails yet.
_severity("audit") := {"severity": "warning"}
