package hauberk.rules.document.unknown_kind_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.unknown_kind

_found(detail) := found if {
	problem := fixtures.problem("unknown-kind", "/kind", "KubeArmorPolicies of security.kubearmor.com/v1 is not a kind we know", detail)
	found := unknown_kind.violation with input as fixtures.facts({"subject": "file", "problems": [problem]})
}

test_bad if {
	some v in _found({})
	v.id == "HB105"
	v.pointer == "/kind"
	contains(v.message, "is not a kind we know")
	contains(v.hint, "KubeArmorHostPolicy")
}

test_bad_version if {
	problem := fixtures.problem("unknown-kind", "/apiVersion", "KubeArmorPolicy of security.accuknox.com/v1", {})
	found := unknown_kind.violation with input as fixtures.facts({"subject": "file", "problems": [problem]})
	some v in found
	v.hint == "write apiVersion: security.kubearmor.com/v1"
}

test_bad_near if {
	some v in _found({"nearest": "KubeArmorPolicy"})
	v.hint == "did you mean KubeArmorPolicy?"
}

test_good if {
	count(unknown_kind.violation) == 0 with input as fixtures.with_rules([])
}

test_near_miss_other_problem if {
	problem := fixtures.problem("schema", "/kind", "kind is missing", {})
	count(unknown_kind.violation) == 0 with input as fixtures.facts({"problems": [problem]})
}
