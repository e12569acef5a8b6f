package hauberk.rules.gaps.audit_posture_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.audit_posture

_rule := fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))

_document(lists) := fixtures.changed(
	fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow"), _rule]),
	{"workloads": [fixtures.workload({"allowLists": lists})]},
)

_audit := fixtures.allow_list("process", {"posture": "audit", "postureFrom": "default", "own": [_rule.pointer]})

test_bad_default if {
	found := audit_posture.violation with input as _document([_audit])
	some v in found
	count(found) == 1
	v.id == "HB401"
	v.pointer == "/spec/action"
	contains(v.message, "does not block what no rule matches (process)")
	contains(v.message, "namespace shop is audit (the default")
	v.severity == "warning"
	v.hint == "complete the list by the alerts of DefaultPosture, then annotate the namespace: kubearmor-file-posture: block; if the cluster's default is another, tell it in hauberk.yaml (posture)"
}

_shop := [{"name": "shop", "place": fixtures.place("shop", null), "visibility": null}]

test_bad_namespace_without_the_annotation if {
	found := audit_posture.violation with input as fixtures.changed(_document([_audit]), {"namespaces": _shop})
	some v in found
	not v.severity
	v.hint == "complete the list by the alerts of DefaultPosture, then annotate the namespace: kubearmor-file-posture: block"
}

test_bad_configured if {
	list := fixtures.changed(_audit, {"postureFrom": "configuration"})
	found := audit_posture.violation with input as _document([list])
	some v in found
	not v.severity
}

test_bad_beside_a_vacuous_list if {
	every_file := fixtures.allow(fixtures.tree("file", 0, "/"))
	file := fixtures.allow_list("file", {"posture": "audit", "postureFrom": "default", "own": [every_file.pointer]})
	document := fixtures.changed(
		fixtures.with_rules([every_file, _rule]),
		{"workloads": [fixtures.workload({"allowLists": [file, _audit]})]},
	)
	found := audit_posture.violation with input as document
	some v in found
	contains(v.message, "matches (process):")
}

test_bad_with_the_access_that_is_let_through if {
	list := fixtures.allow_list("network", {"posture": "audit", "own": [_rule.pointer]})
	access := {"op": "network", "target": "dgram protocol 17", "source": "/usr/bin/other"}
	found := audit_posture.violation with input as fixtures.changed(_document([list]), {"ends": [access]})
	some v in found
	v.witness == access
}

test_bad_two_domains if {
	rule := fixtures.changed(_rule, {"actionLevel": "rule"})
	network := fixtures.allow_list("network", {"posture": "audit", "own": [rule.pointer]})
	document := fixtures.changed(fixtures.with_rules([rule]), {"workloads": [fixtures.workload({"allowLists": [_audit, network]})]})
	found := audit_posture.violation with input as document
	some v in found
	count(found) == 1
	v.pointer == "/spec/process/matchPaths/0/action"
	contains(v.message, "(process and network)")
	v.hint == "complete the list by the alerts of DefaultPosture, then annotate the namespace: kubearmor-file-posture: block and kubearmor-network-posture: block"
}

test_bad_host if {
	document := fixtures.changed(
		fixtures.host_policy({"rules": [_rule]}),
		{"workloads": [fixtures.workload({"namespace": null, "allowLists": [_audit]})]},
	)
	found := audit_posture.violation with input as document
	some v in found
	contains(v.message, "the posture of the node is audit")
	contains(v.hint, "hostDefaultFilePosture: block")
}

test_good_block if {
	list := fixtures.allow_list("process", {"own": [_rule.pointer]})
	count(audit_posture.violation) == 0 with input as _document([list])
}

test_near_miss_allow_list_of_another_policy if {
	list := fixtures.changed(_audit, {"own": []})
	count(audit_posture.violation) == 0 with input as _document([list])
}

test_near_miss_vacuous_list if {
	rule := fixtures.allow(fixtures.tree("file", 0, "/"))
	list := fixtures.allow_list("file", {"posture": "audit", "own": [rule.pointer]})
	document := fixtures.changed(fixtures.with_rules([rule]), {"workloads": [fixtures.workload({"allowLists": [list]})]})
	count(audit_posture.violation) == 0 with input as document
}

test_near_miss_no_allow_rule if {
	count(audit_posture.violation) == 0 with input as _document([])
}

test_bad_short_lists_need_no_remark if {
	rule := fixtures.allow(fixtures.protocol(0, "udp"))
	list := fixtures.allow_list("network", {"posture": "audit", "own": [rule.pointer]})
	document := fixtures.changed(fixtures.with_rules([rule]), {"workloads": [fixtures.workload({"allowLists": [list]})]})
	found := audit_posture.violation with input as document
	some v in found
	startswith(v.hint, "annotate the namespace: kubearmor-network-posture: block")
}
