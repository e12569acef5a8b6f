package hauberk.rules.portability.host_not_enforced_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.host_not_enforced

_rules := [fixtures.from(fixtures.capability(0, "net_raw"), ["/usr/bin/ping"]), fixtures.capability(1, "kill")]

test_bad_capabilities if {
	found := host_not_enforced.violation with input as fixtures.host_policy({"rules": _rules})
	some v in found
	count(found) == 1
	v.id == "HB605"
	v.pointer == "/spec/capabilities/matchCapabilities/0/capability"
	v.message == "KubeArmor's BPF-LSM enforcer leaves capabilities out of host policies: 2 rules without effect"
}

test_bad_dns if {
	found := host_not_enforced.violation with input as fixtures.host_policy({"rules": [fixtures.domain(0, "x.org")]})
	some v in found
	contains(v.message, "leaves DNS queries out")
}

test_bad_syscall_path if {
	syscalls := [{"pointer": "/spec/syscalls/matchPaths/0", "path": "/etc/shadow"}]
	found := host_not_enforced.violation with input as fixtures.host_policy({"syscalls": syscalls})
	some v in found
	v.pointer == "/spec/syscalls/matchPaths/0/path"
	contains(v.message, "loses the path")
}

test_good if {
	count(host_not_enforced.violation) == 0 with input as fixtures.host_policy({"rules": [fixtures.path("file", 0, "/etc/shadow")]})
}

test_near_miss if {
	count(host_not_enforced.violation) == 0 with input as fixtures.with_rules(_rules)
	syscalls := [{"pointer": "/spec/syscalls/matchSyscalls/0", "path": null}]
	count(host_not_enforced.violation) == 0 with input as fixtures.host_policy({"syscalls": syscalls})
	count(host_not_enforced.violation) == 0 with input as fixtures.host_policy({"rules": [fixtures.audit(_rules[0])]})
}
