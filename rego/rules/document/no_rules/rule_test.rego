package hauberk.rules.document.no_rules_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.no_rules

test_bad if {
	found := no_rules.violation with input as fixtures.policy({})
	some v in found
	count(found) == 1
	v.id == "HB108"
	v.pointer == "/spec"
	contains(v.message, "has no rule")
}

test_bad_rules_beside_spec if {
	problems := [
		fixtures.problem("unknown-field", "/process", "unknown field process", {"name": "process", "nearest": "spec.process"}),
		fixtures.problem("unknown-field", "/file", "unknown field file", {"name": "file", "nearest": "spec.file"}),
		fixtures.problem("unknown-field", "/tags", "unknown field tags", {"name": "tags", "nearest": "spec.tags"}),
	]
	found := no_rules.violation with input as fixtures.changed(fixtures.policy({}), {"problems": problems})
	some v in found
	v.hint == "indent file and process below spec"
}

test_bad_rules_under_a_capital if {
	problems := [fixtures.problem("unknown-field", "/spec/File", "unknown field File", {"name": "File", "nearest": "file"})]
	found := no_rules.violation with input as fixtures.changed(fixtures.policy({}), {"problems": problems})
	some v in found
	v.hint == "write file instead of File"
}

test_good if {
	count(no_rules.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_other_content if {
	count(no_rules.violation) == 0 with input as fixtures.policy({"presets": [fixtures.preset(0, "exec", "Block")]})
	count(no_rules.violation) == 0 with input as fixtures.policy({"syscalls": [{"pointer": "/spec/syscalls/matchSyscalls/0", "path": null}]})
	count(no_rules.violation) == 0 with input as fixtures.host_policy({"devices": ["/spec/device/matchDevice/0"]})
	count(no_rules.violation) == 0 with input as fixtures.policy({"apparmor": true})
	count(no_rules.violation) == 0 with input as fixtures.policy({"kind": "KubeArmorNetworkPolicy"})
}

test_near_miss_refused_by_the_schema if {
	problem := fixtures.problem("schema", "/spec/file/matchPaths", "must be of type array", {"keyword": "type"})
	count(no_rules.violation) == 0 with input as fixtures.changed(fixtures.policy({}), {"problems": [problem]})
}
