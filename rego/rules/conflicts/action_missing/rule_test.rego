package hauberk.rules.conflicts.action_missing_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.action_missing

_rule := fixtures.changed(fixtures.path("file", 0, "/etc/shadow"), {"actionLevel": "default", "actionText": ""})

test_bad if {
	found := action_missing.violation with input as fixtures.policy({"action": "", "rules": [_rule]})
	some v in found
	count(found) == 1
	v.id == "HB310"
	v.pointer == "/spec"
	v.message == "no action is given: Block is assumed for 1 rule"
	v.fix == {"safety": "safe", "edits": [{"op": "add", "pointer": "/spec", "key": "action", "value": "Block"}]}
}

test_good if {
	count(action_missing.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_section_level if {
	rule := fixtures.changed(_rule, {"actionLevel": "section", "actionText": "Block"})
	count(action_missing.violation) == 0 with input as fixtures.policy({"action": "", "rules": [rule]})
}
