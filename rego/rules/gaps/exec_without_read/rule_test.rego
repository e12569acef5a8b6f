package hauberk.rules.gaps.exec_without_read_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.exec_without_read

_document(posture) := fixtures.changed(
	fixtures.with_rules([fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))]),
	{"unreadable": [{
		"pointer": "/spec/process/matchPaths/0/path",
		"program": "/usr/sbin/nginx",
		"workload": "Deployment/shop/web/web",
		"posture": posture,
	}]},
)

test_bad if {
	found := exec_without_read.violation with input as _document("block")
	some v in found
	count(found) == 1
	v.id == "HB406"
	v.pointer == "/spec/process/matchPaths/0/path"
	v.message == "/usr/sbin/nginx may run, but the file rules for Deployment/shop/web/web deny opening it: it does not start"
	not v.severity
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
