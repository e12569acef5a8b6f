package hauberk.rules.gaps.blanket_allow_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.blanket_allow

_rule := fixtures.allow(fixtures.tree("file", 0, "/"))

test_bad_file if {
	found := blanket_allow.violation with input as fixtures.with_rules([_rule])
	some v in found
	count(found) == 1
	v.id == "HB402"
	v.pointer == "/spec/file/matchDirectories/0/dir"
	contains(v.message, "file allow-list vacuous: every file may be read")
}

test_bad_process if {
	found := blanket_allow.violation with input as fixtures.with_rules([fixtures.allow(fixtures.tree("process", 0, "/"))])
	some v in found
	contains(v.message, "every program may run")
}

test_good_listed if {
	count(blanket_allow.violation) == 0 with input as fixtures.with_rules([fixtures.allow(fixtures.tree("file", 0, "/usr/"))])
}

test_near_miss_limited if {
	count(blanket_allow.violation) == 0 with input as fixtures.with_rules([
		fixtures.from(_rule, ["/usr/sbin/nginx"]),
		fixtures.changed(_rule, {"readOnly": true}),
		fixtures.changed(_rule, {"recursive": false}),
		fixtures.changed(_rule, {"action": "Block"}),
	])
}
