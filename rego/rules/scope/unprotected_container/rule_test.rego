package hauberk.rules.scope.unprotected_container_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.unprotected_container

_document(changes) := fixtures.changed(fixtures.policy({}), {"workloads": [fixtures.workload(changes)]})

test_bad_host_pid if {
	found := unprotected_container.violation with input as _document({"hostPID": true})
	some v in found
	count(found) == 1
	v.id == "HB511"
	v.pointer == "/spec/selector"
	v.message == "KubeArmor takes pods with hostPID for the node, so this policy does not hold for: Deployment/shop/web/web"
	v.related[0].place.file == "deploy/web.yaml"
}

test_bad_init_and_ephemeral if {
	found := unprotected_container.violation with input as _document({"initContainers": ["setup"], "ephemeralContainers": ["debug"]})
	count(found) == 2
	some v in found
	contains(v.message, "init containers of")
}

test_bad_disabled if {
	found := unprotected_container.violation with input as _document({"kubearmorPolicy": "disabled", "initContainers": ["setup"]})
	some v in found
	count(found) == 1
	contains(v.message, "kubearmor-policy switches enforcement off")
}

test_good if {
	count(unprotected_container.violation) == 0 with input as _document({"kubearmorPolicy": "enabled"})
}

test_near_miss_stand_in if {
	count(unprotected_container.violation) == 0 with input as _document({"from": "selector", "hostPID": true})
}
