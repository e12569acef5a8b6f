# METADATA
# title: too-many-rules
# description: |
#   The rules for one container need more than 256 entries in KubeArmor's map. Which of them are missing
#   is undefined; only the daemon's log says so.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB604.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB604
#   severity: error
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Replace paths by directories, or drop rules; a directory costs its parts plus two.
package hauberk.rules.portability.too_many_rules

import data.hauberk.lib.text

violation contains v if {
	full := [workload | some workload in input.workloads; workload.mapEntries > 256; workload.ownEntries > 0]
	count(full) > 0
	most := max({workload.mapEntries | some workload in full})
	worst := [workload | some workload in full; workload.mapEntries == most][0]
	name := worst.name
	own := worst.ownEntries
	others := _others(count(full) - 1)
	v := {
		"id": "HB604",
		"pointer": "/spec",
		"message": $"{name} needs {most} map entries ({own} of them for this policy), KubeArmor holds 256: some rules go missing{others}",
		"hint": "replace paths by directories, sources by rules for everybody, or split the workload",
	}
}

_others(0) := ""

_others(number) := $"; {count_of} more" if {
	number > 0
	count_of := text.counted(number, "workload")
}
