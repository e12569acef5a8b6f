package hauberk.rules.gaps.source_allow_spreads_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.source_allow_spreads

_rule := fixtures.allow(fixtures.from(fixtures.protocol(0, "tcp"), ["/usr/bin/curl"]))

_document(changes) := fixtures.changed(
	fixtures.with_rules([_rule]),
	{"workloads": [fixtures.workload({"allowLists": [fixtures.allow_list("network", object.union({"own": [_rule.pointer], "everybody": false}, changes))]})]},
)

test_bad if {
	found := source_allow_spreads.violation with input as _document({})
	some v in found
	count(found) == 1
	v.id == "HB403"
	v.pointer == "/spec/action"
	startswith(v.message, "only named sources are allowed to open sockets")
	endswith(v.message, "this is denied (posture block)")
}

test_bad_audit if {
	found := source_allow_spreads.violation with input as _document({"posture": "audit"})
	some v in found
	endswith(v.message, "this is reported (posture audit)")
}

test_good_rule_for_everybody if {
	count(source_allow_spreads.violation) == 0 with input as _document({"everybody": true})
}

test_near_miss_not_this_policy if {
	count(source_allow_spreads.violation) == 0 with input as _document({"own": []})
}
