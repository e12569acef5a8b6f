# METADATA
# title: preset-action
# description: |
#   A preset whose action is not what it seems: Allow blocks, and for KubeArmor a preset without its own
#   action blocks whatever the spec says. KubeArmor also keeps only one action for a preset that several
#   policies name.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB308.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB308
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Write action Block or Audit in the preset itself.
package hauberk.rules.conflicts.preset_action

violation contains v if {
	some preset in input.policy.presets
	preset.name.known
	preset.action == "Allow"
	name := preset.name.text
	v := {
		"id": "HB308",
		"pointer": $"{preset.pointer}/action",
		"message": $"a preset cannot allow: {name} with action Allow blocks",
		"hint": "write Block or Audit, or remove the preset",
	}
}

violation contains v if {
	some preset in input.policy.presets
	preset.name.known
	preset.action == ""
	lower(input.policy.action) == "allow"
	name := preset.name.text
	v := {
		"id": "HB308",
		"pointer": preset.pointer,
		"message": $"preset {name} has no action and blocks, although spec.action is Allow",
		"hint": "write the action in the preset",
		"fix": {"safety": "safe", "edits": [{"op": "add", "pointer": preset.pointer, "key": "action", "value": "Block"}]},
	}
}

violation contains v if {
	"kubearmor" in input.target
	some preset in input.policy.presets
	preset.name.known
	preset.action == ""
	lower(input.policy.action) == "audit"
	name := preset.name.text
	v := {
		"id": "HB308",
		"model": "kubearmor",
		"pointer": preset.pointer,
		"message": $"preset {name} has no action of its own: KubeArmor blocks, although spec.action is Audit",
		"hint": "write action: Audit in the preset",
		"fix": {"safety": "unsafe", "edits": [{"op": "add", "pointer": preset.pointer, "key": "action", "value": "Audit"}]},
	}
}

violation contains v if {
	"kubearmor" in input.target
	some relation in input.relations
	relation.type == "preset"
	some preset in input.policy.presets
	preset.pointer == relation.pointer
	name := preset.name.text
	other := relation.other.policy
	v := {
		"id": "HB308",
		"model": "kubearmor",
		"pointer": preset.pointer,
		"message": $"preset {name} has another action in {other}: KubeArmor keeps the one that arrives last",
		"hint": "give it the same action everywhere",
		"related": [{"place": relation.other, "message": "the same preset"}],
	}
}
