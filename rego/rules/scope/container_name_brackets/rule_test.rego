package hauberk.rules.scope.container_name_brackets_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.container_name_brackets

_document(value) := fixtures.policy(fixtures.selector([fixtures.label("selector", "kubearmor.io/container.name", value)], []))

test_bad if {
	found := container_name_brackets.violation with input as _document("nginx")
	some v in found
	count(found) == 1
	v.id == "HB505"
	v.pointer == "/spec/selector/matchLabels/kubearmor.io~1container.name"
	contains(v.message, "nginx becomes gin")
	v.hint == "write '[nginx]'"
	v.model == "kubearmor"
	v.fix == {"safety": "safe", "edits": [{"op": "replace", "pointer": v.pointer, "value": "[nginx]"}]}
	not v.severity
}

test_bad_short_or_half if {
	short := container_name_brackets.violation with input as _document("db")
	some v in short
	v.message == `in Kubernetes KubeArmor reads no name from "db": the policy applies to every container of the pod`
	v.severity == "warning"
	v.model == "kubearmor"
	half := container_name_brackets.violation with input as _document("[a, b")
	some w in half
	w.fix.edits[0].value == "[a, b]"
	empty := container_name_brackets.violation with input as _document("")
	some e in empty
	e.message == `"" names no container: the policy applies to every container of the pod`
	e.severity == "warning"
	e.model == "both"
	not e.fix
}

test_bad_empty_for_hauberk if {
	count(container_name_brackets.violation) == 1 with input as fixtures.only(_document(""), "hauberk")
}

test_bad_without_namespace if {
	document := object.union(_document("nginx"), {"policy": {"namespace": null}})
	found := container_name_brackets.violation with input as document
	some v in found
	v.severity == "warning"
	v.fix.safety == "unsafe"
}

test_good if {
	count(container_name_brackets.violation) == 0 with input as _document("[nginx, log]")
}

test_near_miss_hauberk_reads_bare_names if {
	count(container_name_brackets.violation) == 0 with input as fixtures.only(_document("nginx"), "hauberk")
}

test_near_miss_other_label if {
	count(container_name_brackets.violation) == 0 with input as fixtures.policy({})
}
