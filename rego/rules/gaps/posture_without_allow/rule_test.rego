package hauberk.rules.gaps.posture_without_allow_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.posture_without_allow

_document(key, value, domains) := fixtures.namespace({"annotations": [fixtures.annotation(key, value)], "allowDomains": domains})

test_bad if {
	found := posture_without_allow.violation with input as _document("kubearmor-file-posture", "block", ["network"])
	some v in found
	count(found) == 1
	v.id == "HB411"
	v.pointer == "/metadata/annotations/kubearmor-file-posture"
	v.message == "kubearmor-file-posture: block enforces nothing: no policy here has an Allow rule for process or file in namespace shop"
}

test_good if {
	count(posture_without_allow.violation) == 0 with input as _document("kubearmor-file-posture", "block", ["process"])
}

test_near_miss_audit_or_other_annotation if {
	count(posture_without_allow.violation) == 0 with input as _document("kubearmor-file-posture", "audit", [])
	count(posture_without_allow.violation) == 0 with input as _document("kubearmor-visibility", "block", [])
	count(posture_without_allow.violation) == 0 with input as _document("kubearmor-network-posture", "block", ["dns"])
}
