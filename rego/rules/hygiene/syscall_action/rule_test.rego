package hauberk.rules.hygiene.syscall_action_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.hygiene.syscall_action

_syscalls := [{"pointer": "/spec/syscalls/matchSyscalls/0", "path": null}]

test_bad if {
	found := syscall_action.violation with input as fixtures.policy({"action": "Block", "syscalls": _syscalls})
	some v in found
	count(found) == 1
	v.id == "HB703"
	v.pointer == "/spec/action"
	v.message == "syscall rules only audit: action Block does not hold for them"
}

test_good if {
	count(syscall_action.violation) == 0 with input as fixtures.policy({"action": "Audit", "syscalls": _syscalls})
}

test_near_miss if {
	count(syscall_action.violation) == 0 with input as fixtures.policy({"action": "", "syscalls": _syscalls})
	count(syscall_action.violation) == 0 with input as fixtures.policy({"action": "Block", "rules": [fixtures.path("file", 0, "/x")]})
}
