package hauberk.rules.conflicts.preset_action_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.preset_action

_document(action, preset) := fixtures.policy({"action": action, "presets": [preset]})

test_bad_allow if {
	found := preset_action.violation with input as _document("Block", fixtures.preset(0, "exec", "Allow"))
	some v in found
	count(found) == 1
	v.id == "HB308"
	v.pointer == "/spec/presets/0/action"
	v.message == "a preset cannot allow: exec with action Allow blocks"
}

test_bad_inherits_allow if {
	found := preset_action.violation with input as _document("Allow", fixtures.preset(0, "exec", ""))
	some v in found
	count(found) == 1
	v.pointer == "/spec/presets/0"
	v.fix == {"safety": "safe", "edits": [{"op": "add", "pointer": "/spec/presets/0", "key": "action", "value": "Block"}]}
}

test_bad_inherits_audit if {
	document := _document("Audit", fixtures.preset(0, "exec", ""))
	found := preset_action.violation with input as document
	some v in found
	v.model == "kubearmor"
	v.fix.safety == "unsafe"
	count(preset_action.violation) == 0 with input as fixtures.only(document, "hauberk")
}

test_bad_two_policies if {
	preset := fixtures.preset(0, "exec", "Block")
	relation := fixtures.relation("preset", {"pointer": preset.pointer, "id": "presets[0]"}, fixtures.place("other", "presets[1]"), {})
	found := preset_action.violation with input as fixtures.changed(_document("Block", preset), {"relations": [relation]})
	some v in found
	count(found) == 1
	contains(v.message, "preset exec has another action in other")
}

test_good if {
	count(preset_action.violation) == 0 with input as _document("Audit", fixtures.preset(0, "exec", "Block"))
}

test_near_miss_same_outcome if {
	count(preset_action.violation) == 0 with input as _document("Block", fixtures.preset(0, "exec", ""))
	count(preset_action.violation) == 0 with input as _document("", fixtures.preset(0, "exec", ""))
}
