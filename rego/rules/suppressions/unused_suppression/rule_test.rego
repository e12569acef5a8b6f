package hauberk.rules.suppressions.unused_suppression_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.suppressions.unused_suppression

_suppression(changes) := object.union(
	{"ids": ["HB304", "HB402"], "reason": "known", "unused": [], "unknown": [], "position": fixtures.position(7)},
	changes,
)

_document(changes) := fixtures.facts({"subject": "suppressions", "suppressions": [_suppression(changes)]})

_exception(changes) := object.union(
	{"rules": ["HB304"], "reason": "known", "expires": null, "expired": false, "used": false, "pointer": "/exceptions/0"},
	changes,
)

test_bad_comment if {
	found := unused_suppression.violation with input as _document({"unused": ["HB402"]})
	some v in found
	count(found) == 1
	v.id == "HB901"
	v.position.line == 7
	v.message == "nothing here is suppressed by HB402"
	not v.fix
}

test_bad_whole_comment if {
	found := unused_suppression.violation with input as _document({"unused": ["HB304", "HB402"]})
	some v in found
	v.fix.edits == [{"op": "text", "position": fixtures.position(7), "text": ""}]
}

test_bad_exception if {
	found := unused_suppression.violation with input as fixtures.facts({"subject": "suppressions", "exceptions": [_exception({})]})
	some v in found
	v.pointer == "/exceptions/0"
	v.message == "this exception for HB304 matches no finding"
}

test_good if {
	count(unused_suppression.violation) == 0 with input as _document({})
}

test_near_miss_unknown_or_expired if {
	count(unused_suppression.violation) == 0 with input as _document({"unused": ["HB402"], "unknown": ["HB402"]})
	exceptions := [_exception({"used": true}), _exception({"expired": true})]
	count(unused_suppression.violation) == 0 with input as fixtures.facts({"exceptions": exceptions})
}
