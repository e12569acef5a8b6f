package hauberk.rules.gaps.loader_not_allowed_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.loader_not_allowed

_loader := "/usr/lib64/ld-linux-x86-64.so.2"

_found(changes) := found if {
	item := object.union(
		{
			"pointer": "/spec/process/matchPaths/0",
			"workload": "Deployment/shop/web/web",
			"field": "",
			"program": "/usr/sbin/nginx",
			"interpreter": _loader,
			"files": [_loader, "/usr/lib/libc.so.6"],
			"rule": null,
			"posture": "block",
		},
		changes,
	)
	rules := [fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))]
	document := fixtures.in_image(fixtures.with_rules(rules), {"loaders": [item]})
	found := loader_not_allowed.violation with input as document
}

test_bad if {
	found := _found({})
	some v in found
	count(found) == 1
	v.id == "HB405"
	v.pointer == "/spec/process/matchPaths/0"
	v.message == concat(" ", [
		"/usr/sbin/nginx may run, but the file rules for Deployment/shop/web/web deny opening its ELF interpreter",
		"/usr/lib64/ld-linux-x86-64.so.2 and the library /usr/lib/libc.so.6: it does not start",
	])
	v.hint == "allow reading what stands in /usr/lib/ and /usr/lib64/, with readOnly: true"
	not v.severity
}

test_bad_interpreter_alone if {
	some v in _found({"files": [_loader], "rule": "web:file.matchPaths[0]"})
	endswith(v.message, "deny opening its ELF interpreter /usr/lib64/ld-linux-x86-64.so.2 (web:file.matchPaths[0]): it does not start")
}

test_bad_libraries_alone if {
	some v in _found({"interpreter": null, "files": ["/lib/a.so"]})
	contains(v.message, "deny opening the library /lib/a.so:")
	some more in _found({"interpreter": null, "files": ["/lib/a.so", "/lib/b.so"]})
	contains(more.message, "deny opening the libraries /lib/a.so and /lib/b.so:")
}

test_bad_audit if {
	some v in _found({"posture": "audit"})
	v.severity == "warning"
	contains(v.message, "lacks its ELF interpreter")
}

test_good if {
	document := fixtures.in_image(fixtures.with_rules([]), {})
	count(loader_not_allowed.violation) == 0 with input as document
}

test_near_miss_no_image if {
	count(loader_not_allowed.violation) == 0 with input as fixtures.with_rules([])
}
