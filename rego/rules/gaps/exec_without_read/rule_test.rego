package hauberk.rules.gaps.exec_without_read_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.exec_without_read

_document(posture) := _with("/usr/sbin/nginx", posture, null)

_with(program, posture, place) := fixtures.changed(
	fixtures.with_rules([fixtures.allow(fixtures.path("process", 0, program))]),
	{"unreadable": [{
		"pointer": "/spec/process/matchPaths/0/path",
		"program": program,
		"workload": "Deployment/shop/web/web",
		"posture": posture,
		"turnedOnBy": place,
	}]},
)

test_bad if {
	found := exec_without_read.violation with input as _document("block")
	some v in found
	count(found) == 1
	v.id == "HB406"
	v.pointer == "/spec/process/matchPaths/0/path"
	v.message == "/usr/sbin/nginx may run, but the file rules for Deployment/shop/web/web deny opening it: it does not start"
	v.related == []
	not v.severity
}

test_bad_list_of_another_policy if {
	place := fixtures.place("web-files", "file.matchPaths[0]")
	found := exec_without_read.violation with input as _with("/usr/sbin/nginx", "block", place)
	some v in found
	endswith(v.message, "it does not start (web-files turns the file allow-list on)")
	v.related == [{"place": place, "message": "turns the file allow-list on"}]
}

test_bad_audit if {
	found := exec_without_read.violation with input as _document("audit")
	some v in found
	v.severity == "warning"
	contains(v.message, "under posture block it would not start")
}

test_good if {
	count(exec_without_read.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_nothing_unreadable if {
	count(exec_without_read.violation) == 0 with input as fixtures.changed(_document("block"), {"unreadable": []})
}

test_near_miss_no_program_on_a_disk if {
	count(exec_without_read.violation) == 0 with input as _with("/dev/null", "block", null)
	count(exec_without_read.violation) == 0 with input as _with("/proc/self/exe", "audit", null)
	count(exec_without_read.violation) == 0 with input as _with("/sys/kernel/x", "block", null)
}

_many(posture) := fixtures.changed(
	fixtures.with_rules([]),
	{"unopened": [{
		"pointer": "/spec/process/matchDirectories/0",
		"rule": "process.matchDirectories[0]",
		"workload": "Deployment/shop/web/web",
		"access": {"op": "read", "target": "/usr/bin/id", "source": "/usr/bin/other"},
		"posture": posture,
	}]},
)

test_bad_directory if {
	found := exec_without_read.violation with input as _many("block")
	some v in found
	v.message == concat("", [
		"none of the programs that this rule lets run may be opened under the file rules for ",
		"Deployment/shop/web/web (/usr/bin/id, say): they do not start",
	])
	not v.severity
}

test_bad_directory_audit if {
	found := exec_without_read.violation with input as _many("audit")
	some v in found
	v.severity == "warning"
}
