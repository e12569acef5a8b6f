package hauberk.rules.hygiene.comma_in_tag_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.hygiene.comma_in_tag

_document(text) := fixtures.policy({"tags": [{"text": text, "pointer": "/spec/tags/0"}]})

test_bad if {
	found := comma_in_tag.violation with input as _document("MITRE, T1036")
	some v in found
	count(found) == 1
	v.id == "HB702"
	v.pointer == "/spec/tags/0"
	endswith(v.message, "in alerts: MITRE, T1036")
}

test_good if {
	count(comma_in_tag.violation) == 0 with input as _document("MITRE")
}

test_near_miss_other_signs if {
	count(comma_in_tag.violation) == 0 with input as _document("CIS 1.1; level-2")
}
