# METADATA
# title: duplicate-resource
# description: |
#   Two documents of the repository have the same kind, namespace and name. In one cluster the one that
#   is applied last replaces the other.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB109.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB109
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Give one of them another name, or remove it.
package hauberk.rules.document.duplicate_resource

import data.hauberk.lib.text

violation contains v if {
	count(input.duplicates) > 0
	kind := input.policy.kind
	name := input.policy.name
	name != null
	others := text.counted(count(input.duplicates), "other document")
	v := {
		"id": "HB109",
		"pointer": "/metadata/name",
		"message": $"{kind} {name} is defined by {others} too: the one applied last replaces the rest",
		"hint": "rename or remove one of them",
		"related": [{"place": place, "message": "defined here too"} | some place in input.duplicates],
	}
}
