package hauberk.rules.conflicts.allowed_args_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.allowed_args

_argument(text) := {"text": text, "bytes": count(text), "pointer": "/spec/process/matchPaths/0/allowedArgs/0"}

_rule(text) := fixtures.changed(fixtures.path("process", 0, "/usr/bin/python3"), {"allowedArgs": [_argument(text)]})

_long := concat("", [x | some _ in numbers.range(1, 104); x := "a"])

test_bad_allow if {
	found := allowed_args.violation with input as fixtures.with_rules([fixtures.allow(_rule("-m"))])
	some v in found
	count(found) == 1
	v.id == "HB306"
	v.pointer == "/spec/process/matchPaths/0/allowedArgs"
	contains(v.message, "lets /usr/bin/python3 run with any arguments")
}

test_bad_long if {
	found := allowed_args.violation with input as fixtures.with_rules([_rule(_long)])
	some v in found
	v.pointer == "/spec/process/matchPaths/0/allowedArgs/0"
	contains(v.message, "this one of 104 bytes")
}

test_good_block if {
	count(allowed_args.violation) == 0 with input as fixtures.with_rules([_rule("-m")])
}

test_near_miss if {
	count(allowed_args.violation) == 0 with input as fixtures.with_rules([
		_rule(substring(_long, 0, 103)),
		fixtures.changed(fixtures.allow(_rule("-m")), {"ownerOnly": true}),
		fixtures.allow(fixtures.path("process", 1, "/usr/bin/python3")),
	])
}
