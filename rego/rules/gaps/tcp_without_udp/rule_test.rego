package hauberk.rules.gaps.tcp_without_udp_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.tcp_without_udp

_rule := fixtures.allow(fixtures.protocol(0, "tcp"))

_document(changes) := fixtures.changed(
	fixtures.with_rules([_rule]),
	{"workloads": [fixtures.workload({"allowLists": [fixtures.allow_list("network", object.union({"own": [_rule.pointer]}, changes))]})]},
)

test_bad if {
	found := tcp_without_udp.violation with input as _document({"passes": ["tcp", "unix-stream"]})
	some v in found
	count(found) == 1
	v.id == "HB407"
	v.pointer == "/spec/network/matchProtocols/0/protocol"
	v.message == "tcp is allowed but udp is not: DNS over udp and unix datagram sockets (syslog) fall under the posture (block)"
}

test_bad_audit if {
	found := tcp_without_udp.violation with input as _document({"passes": ["tcp", "unix-dgram"], "posture": "audit"})
	some v in found
	v.message == "tcp is allowed but udp is not: DNS over udp falls under the posture (audit)"
}

test_good if {
	count(tcp_without_udp.violation) == 0 with input as _document({"passes": ["tcp", "udp", "unix-stream", "unix-dgram"]})
}

test_near_miss_no_tcp_or_not_ours if {
	count(tcp_without_udp.violation) == 0 with input as _document({"passes": []})
	count(tcp_without_udp.violation) == 0 with input as _document({"passes": ["tcp"], "own": []})
}
