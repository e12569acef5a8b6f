package hauberk.rules.scope.cluster_policy_name_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.cluster_policy_name

_document(changes, others) := fixtures.changed(fixtures.policy(changes), {"repository": {"sameNameCluster": others}})

test_bad if {
	others := [fixtures.place("sample", null)]
	found := cluster_policy_name.violation with input as _document({"kind": "KubeArmorClusterPolicy", "namespace": null}, others)
	some v in found
	count(found) == 1
	v.id == "HB509"
	v.pointer == "/metadata/name"
	contains(v.message, "by name only, and a KubeArmorPolicy is named sample too")
	v.related == [{"place": fixtures.place("sample", null), "message": "has the same name"}]
}

test_good if {
	count(cluster_policy_name.violation) == 0 with input as _document({"kind": "KubeArmorClusterPolicy"}, [])
}

test_near_miss_other_kind if {
	count(cluster_policy_name.violation) == 0 with input as _document({}, [fixtures.place("sample", null)])
}
