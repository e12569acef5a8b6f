package hauberk.rules.document.wrong_scope_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.wrong_scope

test_bad_cluster_scoped if {
	found := wrong_scope.violation with input as fixtures.policy({"kind": "KubeArmorClusterPolicy"})
	some v in found
	count(found) == 1
	v.id == "HB107"
	v.pointer == "/metadata/namespace"
	v.message == "KubeArmorClusterPolicy is cluster-scoped: namespace shop does not limit it"
	contains(v.hint, "key: namespace")
	v.fix == {"safety": "safe", "edits": [{"op": "remove", "pointer": "/metadata/namespace"}]}
}

test_bad_without_namespace if {
	found := wrong_scope.violation with input as fixtures.policy({"namespace": null})
	some v in found
	v.pointer == "/metadata"
	contains(v.message, "no namespace")
	not v.fix
}

test_good if {
	count(wrong_scope.violation) == 0 with input as fixtures.policy({})
}

test_near_miss_host_policy_without_namespace if {
	count(wrong_scope.violation) == 0 with input as fixtures.host_policy({})
}

test_near_miss_metadata_refused if {
	problem := fixtures.problem("schema", "/metadata", "metadata must be of type object", {"keyword": "type"})
	document := fixtures.policy({"namespace": null})
	count(wrong_scope.violation) == 0 with input as fixtures.changed(document, {"problems": [problem]})
}
