# METADATA
# title: write-and-execute
# description: |
#   What a rule lets run, the file rules let be written: who gets into the workload drops a program there and
#   runs it, and the process allow-list stands for nothing.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB409.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB409
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Allow writing only where nothing may run, with readOnly for the directories of programs.
package hauberk.rules.gaps.write_and_execute

import data.hauberk.lib.accesses

violation contains v if {
	some item in input.dropPlaces
	count(accesses.asked(item.models)) > 0
	written := accesses.sentence(item.write)
	through := _through(item)
	workload := item.workload
	v := {
		"id": "HB409",
		"pointer": item.pointer,
		"model": accesses.models(item.models),
		"message": $"what this rule lets run may be written in {workload}: {written}{through}, and it runs",
		"hint": _hint(item.through),
		"witness": item.write,
		"related": [{"place": place, "message": "lets it be written"} | some place in [item.through]; not is_null(place)],
	}
}

_through(item) := " (no file rule says anything about it)" if is_null(item.through)

_through(item) := $" by {name}" if {
	not is_null(item.through)
	name := item.through.rule
}

_hint(place) := "let run only what stands in directories of the image, and block writing there" if is_null(place)

_hint(place) := "give that file rule readOnly, or let run only what stands elsewhere" if not is_null(place)
