package hauberk.rules.dead.execname_combination_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.execname_combination

test_bad_source if {
	rule := fixtures.from(fixtures.execname(0, "apt"), ["/usr/bin/bash"])
	found := execname_combination.violation with input as fixtures.with_rules([rule])
	some v in found
	count(found) == 1
	v.id == "HB207"
	v.pointer == "/spec/process/matchPaths/0/execname"
	contains(v.message, "never matches an execname with fromSource: the rule blocks nothing")
}

test_bad_allow_source if {
	rule := fixtures.allow(fixtures.from(fixtures.execname(0, "apt"), ["/usr/bin/bash"]))
	found := execname_combination.violation with input as fixtures.with_rules([rule])
	some v in found
	contains(v.message, "turns the process allow-list on")
}

test_bad_arguments if {
	arg := {"text": "-V", "bytes": 2, "pointer": "/spec/process/matchPaths/0/allowedArgs/0"}
	rule := fixtures.changed(fixtures.execname(0, "python3"), {"allowedArgs": [arg]})
	found := execname_combination.violation with input as fixtures.with_rules([rule])
	some v in found
	v.pointer == "/spec/process/matchPaths/0/allowedArgs"
	contains(v.message, "python3 is blocked with any arguments")
}

test_good if {
	count(execname_combination.violation) == 0 with input as fixtures.with_rules([
		fixtures.execname(0, "apt"),
		fixtures.from(fixtures.path("process", 1, "/usr/bin/apt"), ["/usr/bin/bash"]),
	])
}

test_near_miss_audit_or_a_source_without_path if {
	count(execname_combination.violation) == 0 with input as fixtures.with_rules([
		fixtures.audit(fixtures.from(fixtures.execname(0, "apt"), ["/usr/bin/bash"])),
		fixtures.from(fixtures.execname(1, "apt"), [null]),
	])
}
