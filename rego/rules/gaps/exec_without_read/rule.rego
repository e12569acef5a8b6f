# METADATA
# title: exec-without-read
# description: |
#   A program that the process rules let run cannot be opened under the file rules of the same workload.
#   The kernel opens a program to run it, so the start fails.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB406.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB406
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Allow reading the program, with readOnly, in the file allow-list.
package hauberk.rules.gaps.exec_without_read

violation contains v if {
	some program in input.unreadable
	name := program.program
	not _in_no_image(name)
	message := _message(program.posture, name, program.workload)
	whose := _whose(program.turnedOnBy)
	v := object.union(
		{
			"id": "HB406",
			"pointer": program.pointer,
			"message": $"{message}{whose}",
			"hint": $"add {name} with readOnly: true to the file rules, or the directory that it stands in",
			"related": [{"place": place, "message": "turns the file allow-list on"} |
				some place in [program.turnedOnBy]
				not is_null(place)
			],
		},
		_severity(program.posture),
	)
}

# Rules for many programs: none of those that they let run can be opened.
violation contains v if {
	some rule in input.unopened
	access := rule.access.target
	workload := rule.workload
	v := object.union(
		{
			"id": "HB406",
			"pointer": rule.pointer,
			"message": _none(rule.posture, workload, access),
			"hint": "add the directories that the programs stand in, with readOnly: true, to the file rules",
			"witness": rule.access,
		},
		_severity(rule.posture),
	)
}

_none("block", workload, path) := $"none of the programs that this rule lets run may be opened under the file rules for {workload} ({path}, say): they do not start"

_none("audit", workload, path) := $"none of the programs that this rule lets run is in the file allow-list for {workload} ({path}, say): under posture block they would not start"

# What the kernel makes up there is no program on a disk; these rules are about descriptors and the like.
_in_no_image(name) if {
	some folder in ["/dev/", "/proc/", "/sys/"]
	startswith(name, folder)
}

# The list may stand in another policy, where the reader of this one sees no file rule.
_whose(place) := "" if is_null(place)

_whose(place) := $" ({policy} turns the file allow-list on)" if {
	not is_null(place)
	policy := place.policy
}

_message("block", name, workload) := $"{name} may run, but the file rules for {workload} deny opening it: it does not start"

_message("audit", name, workload) := $"{name} may run, but the file allow-list for {workload} lacks it: under posture block it would not start"

_severity("block") := {}

# Nothing fails yet.
_severity("audit") := {"severity": "warning"}
