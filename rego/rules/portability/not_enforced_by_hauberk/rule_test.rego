package hauberk.rules.portability.not_enforced_by_hauberk_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.not_enforced_by_hauberk

test_bad_each_kind_once if {
	argument := {"text": "-m", "bytes": 2, "pointer": "/spec/process/matchPaths/0/allowedArgs/0"}
	document := fixtures.policy({
		"rules": [
			fixtures.changed(fixtures.path("process", 0, "/usr/bin/python3"), {"allowedArgs": [argument]}),
			fixtures.domain(0, "a.org"),
			fixtures.domain(1, "b.org"),
		],
		"syscalls": [{"pointer": "/spec/syscalls/matchSyscalls/0", "path": null}],
		"devices": ["/spec/device/matchDevice/0"],
		"presets": [fixtures.preset(0, "filelessExec", "Block"), fixtures.preset(1, "exec", "Block")],
	})
	found := not_enforced_by_hauberk.violation with input as document
	{v.pointer | some v in found} == {
		"/spec/process/matchPaths/0/allowedArgs",
		"/spec/network/matchDNSQueries/0",
		"/spec/syscalls/matchSyscalls/0",
		"/spec/device/matchDevice/0",
		"/spec/presets/1/name",
	}
	every v in found {
		v.id == "HB607"
	}
	"hauberk does not enforce DNS queries (yet): 2 places in this policy" in {v.message | some v in found}
}

test_bad_syscalls_are_a_report if {
	document := fixtures.policy({"syscalls": [
		{"pointer": "/spec/syscalls/matchSyscalls/0", "path": null},
		{"pointer": "/spec/syscalls/matchPaths/0", "path": "/x"},
	]})
	found := not_enforced_by_hauberk.violation with input as document
	some v in found
	v.message == "hauberk does not report syscalls (yet): 2 rules"
	v.severity == "warning"
	v.hint == "let KubeArmor report them, or use a seccomp profile that logs"
}

test_good if {
	count(not_enforced_by_hauberk.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_fileless if {
	document := fixtures.policy({"presets": [fixtures.preset(0, "filelessExec", "Block")], "rules": [fixtures.protocol(0, "udp")]})
	count(not_enforced_by_hauberk.violation) == 0 with input as document
}
