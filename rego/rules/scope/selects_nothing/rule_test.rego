package hauberk.rules.scope.selects_nothing_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.selects_nothing

_document(policy, numbers) := fixtures.changed(policy, {"repository": numbers})

test_bad if {
	found := selects_nothing.violation with input as _document(fixtures.policy({}), {"manifests": 3})
	some v in found
	count(found) == 1
	v.id == "HB503"
	v.pointer == "/spec/selector"
	v.message == "the manifests define 3 workloads that the policy could select, and its selector matches none"
}

test_bad_host if {
	found := selects_nothing.violation with input as _document(fixtures.host_policy({}), {"manifests": 1})
	some v in found
	v.pointer == "/spec/nodeSelector"
	contains(v.message, "1 node")
}

test_good if {
	count(selects_nothing.violation) == 0 with input as _document(fixtures.policy({}), {"manifests": 3, "matched": 1})
}

test_near_miss_no_manifests if {
	count(selects_nothing.violation) == 0 with input as _document(fixtures.policy({}), {})
	empty := fixtures.host_policy({"nodeSelector": {"matchLabels": []}})
	count(selects_nothing.violation) == 0 with input as _document(empty, {"manifests": 3})
}
