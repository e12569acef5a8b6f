package hauberk.lib.rules_test

import data.hauberk.lib.fixtures
import data.hauberk.lib.rules

_rule := fixtures.path("file", 2, "/etc/shadow")

test_subject_pointer if {
	rules.subject_pointer(_rule) == "/spec/file/matchPaths/2/path"
	rules.subject_pointer(fixtures.capability(0, "kill")) == "/spec/capabilities/matchCapabilities/0/capability"
	rules.subject_pointer(fixtures.rule("process", "matchPaths", 1)) == "/spec/process/matchPaths/1"
}

test_action_pointer if {
	rules.action_pointer(_rule) == "/spec/action"
	rules.action_pointer(fixtures.changed(_rule, {"actionLevel": "rule"})) == "/spec/file/matchPaths/2/action"
	rules.action_pointer(fixtures.changed(_rule, {"actionLevel": "section"})) == "/spec/file/action"
	rules.action_pointer(fixtures.changed(_rule, {"actionLevel": "default"})) == "/spec"
}

test_subject if {
	rules.subject(_rule) == "/etc/shadow"
	rules.subject(fixtures.protocol(0, "tcp")) == "tcp"
	rules.subject(fixtures.rule("process", "matchPaths", 1)) == "process.matchPaths[1]"
}

test_decides if {
	rules.decides(_rule)
	not rules.decides(fixtures.audit(_rule))
	not rules.decides(fixtures.changed(_rule, {"action": null}))
}

test_unconditional if {
	rules.unconditional(_rule)
	rules.unconditional(fixtures.changed(_rule, {"pts": true}))
	not rules.unconditional(fixtures.changed(_rule, {"pts": false}))
	not rules.unconditional(fixtures.changed(_rule, {"readOnly": true}))
	not rules.unconditional(fixtures.from(_rule, ["/bin/cat"]))
}

test_placed if {
	problem := fixtures.problem("schema", "/spec", "no", {})
	rules.placed(problem) == {}
	rules.placed(fixtures.changed(problem, {"position": fixtures.position(3)})) == {"position": fixtures.position(3)}
}
