package hauberk.rules.portability.apparmor_differs_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.apparmor_differs

_item(index, topic) := {
	"pointer": $"/spec/file/matchPatterns/{index}",
	"rule": $"file.matchPatterns[{index}]",
	"topic": topic,
	"access": {"op": "read", "target": "/etc/x.key", "source": "/usr/bin/other"},
	"bpf": "allowed",
	"apparmor": "denied",
}

_document(items) := fixtures.changed(fixtures.with_rules([]), {"apparmor": items})

test_bad if {
	found := apparmor_differs.violation with input as _document([_item(0, "patterns"), _item(1, "patterns"), _item(2, "other")])
	count(found) == 2
	some v in found
	v.id == "HB606"
	v.pointer == "/spec/file/matchPatterns/0"
	v.message == concat("", [
		"patterns: when /usr/bin/other reads /etc/x.key, BPF LSM says allowed and AppArmor denied; ",
		"so it is for 1 rule more of this policy",
	])
}

test_good_nothing_differs if {
	count(apparmor_differs.violation) == 0 with input as _document([])
}

test_near_miss_for_hauberk if {
	count(apparmor_differs.violation) == 0 with input as fixtures.only(_document([_item(0, "patterns")]), "hauberk")
}
