package hauberk.rules.portability.too_many_rules_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.too_many_rules

_document(entries) := fixtures.changed(fixtures.policy({}), {"workloads": [
	fixtures.workload({"mapEntries": entries, "ownEntries": 90}),
	fixtures.workload({"name": "Pod/shop/small/app", "mapEntries": 12}),
]})

test_bad if {
	found := too_many_rules.violation with input as _document(300)
	some v in found
	count(found) == 1
	v.id == "HB604"
	v.pointer == "/spec"
	startswith(v.message, "Deployment/shop/web/web needs 300 map entries (90 of them for this policy), KubeArmor holds 256")
	endswith(v.message, "some rules go missing")
}

test_good if {
	count(too_many_rules.violation) == 0 with input as _document(20)
}

test_near_miss_exactly_full if {
	count(too_many_rules.violation) == 0 with input as _document(256)
}
