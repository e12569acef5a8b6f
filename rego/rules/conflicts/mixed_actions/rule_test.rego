package hauberk.rules.conflicts.mixed_actions_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.mixed_actions

_block := fixtures.changed(fixtures.path("file", 1, "/etc/shadow"), {"actionLevel": "section"})

test_bad if {
	rules := [fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx")), _block]
	found := mixed_actions.violation with input as fixtures.policy({"action": "Allow", "rules": rules})
	some v in found
	count(found) == 1
	v.id == "HB309"
	v.pointer == "/spec/file/action"
	v.message == "spec.action is Allow, but another action counts for 1 of 2 rules (file.matchPaths[1]; the first: Block)"
	v.hint == "correct the action, or write one policy for each action"
}

test_good if {
	count(mixed_actions.violation) == 0 with input as fixtures.with_rules([_block])
}

test_near_miss_no_spec_action if {
	count(mixed_actions.violation) == 0 with input as fixtures.policy({"action": "", "rules": [_block]})
}

test_near_miss_letter_case if {
	count(mixed_actions.violation) == 0 with input as fixtures.policy({"action": "block", "rules": [_block]})
}
