package hauberk.rules.dead.builtin_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.builtin

test_bad_source if {
	rule := fixtures.from(fixtures.tree("file", 0, "/etc/nginx/"), ["/usr/bin/cd"])
	found := builtin.violation with input as fixtures.with_rules([rule])
	some v in found
	count(found) == 1
	v.id == "HB203"
	v.pointer == "/spec/file/matchDirectories/0/fromSource/0/path"
	v.message == "cd is a shell builtin: nothing ever runs as /usr/bin/cd, so this rule can never apply"
	not v.severity
}

test_bad_one_of_two_sources if {
	rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/cat", "/bin/source"])
	found := builtin.violation with input as fixtures.with_rules([rule])
	some v in found
	count(found) == 1
	v.pointer == "/spec/file/matchPaths/0/fromSource/1/path"
	contains(v.message, "this source never applies")
}

test_bad_target if {
	found := builtin.violation with input as fixtures.with_rules([
		fixtures.path("process", 0, "/usr/bin/export"),
		fixtures.execname(1, "ulimit"),
	])
	{v.pointer | some v in found} == {"/spec/process/matchPaths/0/path", "/spec/process/matchPaths/1/execname"}
	every v in found {
		contains(v.message, "is a shell builtin")
	}
}

test_bad_twin if {
	found := builtin.violation with input as fixtures.with_rules([fixtures.path("process", 0, "/bin/echo")])
	some v in found
	count(found) == 1
	v.severity == "warning"
	contains(v.message, "shells have echo built in")
}

test_good_program if {
	rule := fixtures.from(fixtures.path("process", 0, "/usr/bin/curl"), ["/usr/bin/bash"])
	count(builtin.violation) == 0 with input as fixtures.with_rules([rule])
}

test_near_miss_own_program_of_that_name if {
	count(builtin.violation) == 0 with input as fixtures.with_rules([
		fixtures.path("process", 0, "/opt/tools/wait"),
		fixtures.execname(1, "wait"),
		fixtures.from(fixtures.path("file", 0, "/data"), ["/app/bin/enable"]),
	])
}

test_near_miss_twin_allowed_or_source if {
	count(builtin.violation) == 0 with input as fixtures.with_rules([
		fixtures.allow(fixtures.path("process", 0, "/usr/bin/kill")),
		fixtures.from(fixtures.path("file", 0, "/data"), ["/usr/bin/echo"]),
	])
}

test_near_miss_file_of_that_name if {
	count(builtin.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/usr/bin/cd")])
}
