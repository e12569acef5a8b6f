package hauberk.rules.scope.untracked_namespace_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.untracked_namespace

test_bad if {
	found := untracked_namespace.violation with input as fixtures.policy({"namespace": "kube-system"})
	some v in found
	count(found) == 1
	v.id == "HB510"
	v.pointer == "/metadata/namespace"
	v.message == "KubeArmor does not enforce policies in namespace kube-system (its defaults)"
}

test_bad_cluster_policy if {
	selector := fixtures.selector([], [fixtures.expression(0, "namespace", "In", ["shop", "kubearmor"])])
	found := untracked_namespace.violation with input as fixtures.policy(object.union(selector, {"kind": "KubeArmorClusterPolicy"}))
	some v in found
	v.pointer == "/spec/selector/matchExpressions/0/values/1"
}

test_good if {
	count(untracked_namespace.violation) == 0 with input as fixtures.policy({})
}

test_near_miss if {
	count(untracked_namespace.violation) == 0 with input as fixtures.policy({"namespace": "kube-public"})
	selector := fixtures.selector([], [fixtures.expression(0, "namespace", "NotIn", ["kube-system"])])
	count(untracked_namespace.violation) == 0 with input as fixtures.policy(object.union(selector, {"kind": "KubeArmorClusterPolicy"}))
	count(untracked_namespace.violation) == 0 with input as fixtures.host_policy({"namespace": "kube-system"})
}
