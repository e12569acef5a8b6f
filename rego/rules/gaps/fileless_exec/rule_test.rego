package hauberk.rules.gaps.fileless_exec_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.fileless_exec

_rule := fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))

_document(changes) := fixtures.changed(
	fixtures.with_rules([_rule]),
	{"workloads": [fixtures.workload({"allowLists": [fixtures.allow_list("process", object.union({"own": [_rule.pointer], "filelessPreset": false}, changes))]})]},
)

test_bad if {
	found := fileless_exec.violation with input as _document({})
	some v in found
	count(found) == 1
	v.id == "HB408"
	v.pointer == "/spec/action"
	contains(v.message, "code in a memfd runs")
	v.fix.edits == [{"op": "add", "pointer": "/spec", "key": "presets", "value": [{"name": "filelessExec", "action": "Block"}]}]
}

test_bad_audit_adds_an_auditing_preset if {
	found := fileless_exec.violation with input as _document({"posture": "audit"})
	some v in found
	v.fix.edits[0].value == [{"name": "filelessExec", "action": "Audit"}]
}

test_bad_other_presets_have_no_fix if {
	document := object.union(_document({}), {"policy": {"presets": [fixtures.preset(0, "exec", "Block")]}})
	found := fileless_exec.violation with input as document
	some v in found
	not v.fix
}

test_good_preset if {
	count(fileless_exec.violation) == 0 with input as _document({"filelessPreset": true})
}

test_near_miss_host_or_not_ours if {
	count(fileless_exec.violation) == 0 with input as _document({"own": []})
	count(fileless_exec.violation) == 0 with input as object.union(_document({}), {"policy": {"kind": "KubeArmorHostPolicy"}})
}

test_bad_preset_that_only_audits if {
	document := object.union(_document({}), {"policy": {"presets": [fixtures.preset(0, "filelessExec", "Audit")]}})
	found := fileless_exec.violation with input as document
	some v in found
	v.hint == "set the action of the preset filelessExec to Block"
	not v.fix
}
