package hauberk.rules.gaps.interpreter_allowed_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.interpreter_allowed

test_bad_one_finding if {
	rules := [fixtures.allow(fixtures.path("process", 0, "/usr/bin/python3.11")), fixtures.allow(fixtures.execname(1, "sh"))]
	found := interpreter_allowed.violation with input as fixtures.with_rules(rules)
	some v in found
	count(found) == 1
	v.id == "HB410"
	v.pointer == "/spec/process/matchPaths/0/path"
	v.message == "the process allow-list lets /usr/bin/python3.11 and sh run: which scripts they run, no process rule decides"
	v.hint == "leave out what the workload does not need, or name the sources that may start the rest"
}

test_bad_one_program if {
	found := interpreter_allowed.violation with input as fixtures.with_rules([fixtures.allow(fixtures.path("process", 0, "/bin/sh"))])
	some v in found
	v.message == "the process allow-list lets /bin/sh run: which scripts it runs, no process rule decides"
	v.hint == "leave it out if the workload does not need it, or name the sources that may start it"
}

test_bad_with_a_source if {
	rule := fixtures.from(fixtures.allow(fixtures.path("process", 0, "/bin/sh")), ["/usr/sbin/nginx"])
	found := interpreter_allowed.violation with input as fixtures.with_rules([rule])
	some v in found
	v.hint == "leave it out if the workload does not need it"
}

test_good if {
	count(interpreter_allowed.violation) == 0 with input as fixtures.with_rules([fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))])
}

test_near_miss if {
	count(interpreter_allowed.violation) == 0 with input as fixtures.with_rules([
		fixtures.path("process", 0, "/usr/bin/bash"),
		fixtures.allow(fixtures.path("file", 0, "/usr/bin/bash")),
		fixtures.allow(fixtures.tree("process", 0, "/usr/lib/bash/")),
		fixtures.allow(fixtures.path("process", 1, "/usr/bin/python-config")),
	])
}
