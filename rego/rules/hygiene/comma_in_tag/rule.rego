# METADATA
# title: comma-in-tag
# description: |
#   A tag with a comma in it. Alerts join the tags with commas, so it reads as several tags.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB702.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB702
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Write one tag for each list entry.
package hauberk.rules.hygiene.comma_in_tag

violation contains v if {
	some tag in input.policy.tags
	contains(tag.text, ",")
	words := tag.text
	v := {
		"id": "HB702",
		"pointer": tag.pointer,
		"message": $"the comma makes several tags of this one in alerts: {words}",
		"hint": "write one list entry for each tag",
	}
}
