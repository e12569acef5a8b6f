package hauberk.rules.suppressions.expired_exception_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.suppressions.expired_exception

_document(changes) := fixtures.facts({"subject": "suppressions", "exceptions": [object.union(
	{"rules": ["HB304", "HB305"], "reason": "known", "expires": "2026-01-31", "expired": true, "used": true, "pointer": "/exceptions/2"},
	changes,
)]})

test_bad if {
	found := expired_exception.violation with input as _document({})
	some v in found
	count(found) == 1
	v.id == "HB903"
	v.pointer == "/exceptions/2"
	v.message == "the exception for HB304 and HB305 expired on 2026-01-31"
}

test_good if {
	count(expired_exception.violation) == 0 with input as _document({"expires": null, "expired": false})
}

test_near_miss_later_date if {
	count(expired_exception.violation) == 0 with input as _document({"expires": "2099-01-31", "expired": false})
}
