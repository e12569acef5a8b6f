package hauberk.rules.gaps.invalid_posture_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.invalid_posture

_document(key, value) := fixtures.namespace({"annotations": [fixtures.annotation(key, value)]})

test_bad if {
	found := invalid_posture.violation with input as _document("kubearmor-file-posture", "deny")
	some v in found
	count(found) == 1
	v.id == "HB412"
	v.pointer == "/metadata/annotations/kubearmor-file-posture"
	startswith(v.message, `"deny" is no value of kubearmor-file-posture: KubeArmor overwrites it`)
	not v.fix
}

test_bad_blank_has_a_fix if {
	found := invalid_posture.violation with input as _document("kubearmor-network-posture", "block ")
	some v in found
	v.fix.edits == [{"op": "replace", "pointer": "/metadata/annotations/kubearmor-network-posture", "value": "block"}]
}

test_good if {
	count(invalid_posture.violation) == 0 with input as _document("kubearmor-file-posture", "block")
}

test_near_miss_letter_case_or_other_annotation if {
	count(invalid_posture.violation) == 0 with input as _document("kubearmor-file-posture", "Block")
	count(invalid_posture.violation) == 0 with input as _document("kubearmor-visibility", "deny")
}
