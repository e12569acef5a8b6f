package hauberk.rules.suppressions.suppression_without_reason_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.suppressions.suppression_without_reason

_suppression(changes) := object.union(
	{"ids": ["HB304"], "reason": "known", "unused": [], "unknown": [], "position": fixtures.position(7)},
	changes,
)

_document(changes) := fixtures.facts({"subject": "suppressions", "suppressions": [_suppression(changes)]})

test_bad_reason if {
	found := suppression_without_reason.violation with input as _document({"reason": ""})
	some v in found
	count(found) == 1
	v.id == "HB902"
	v.position.line == 7
	v.message == "a suppression needs a reason"
}

test_bad_ids if {
	unknown := suppression_without_reason.violation with input as _document({"unknown": ["HB999"]})
	some v in unknown
	v.message == "no rule has the id HB999"
	empty := suppression_without_reason.violation with input as _document({"ids": []})
	some e in empty
	contains(e.message, "names the rules")
}

test_bad_exception if {
	exception := {"rules": ["HB304"], "reason": "", "expires": null, "expired": false, "used": true, "pointer": "/exceptions/0"}
	found := suppression_without_reason.violation with input as fixtures.facts({"exceptions": [exception]})
	some v in found
	v.pointer == "/exceptions/0"
}

test_good if {
	count(suppression_without_reason.violation) == 0 with input as _document({})
}

test_near_miss_unused if {
	count(suppression_without_reason.violation) == 0 with input as _document({"unused": ["HB304"]})
}
