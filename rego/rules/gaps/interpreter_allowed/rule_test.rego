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
	startswith(v.message, "the process allow-list lets /usr/bin/python3.11 and sh run")
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
