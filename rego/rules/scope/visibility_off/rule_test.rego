package hauberk.rules.scope.visibility_off_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.scope.visibility_off

_rule := fixtures.audit(fixtures.path("file", 0, "/etc/shadow"))

_namespace(visibility) := {"name": "shop", "place": fixtures.place("shop", null), "visibility": visibility}

_document(rules, visibility) := fixtures.changed(fixtures.with_rules(rules), {"namespaces": [_namespace(visibility)]})

test_bad if {
	found := visibility_off.violation with input as _document([_rule], "process,network")
	some v in found
	count(found) == 1
	v.id == "HB512"
	v.pointer == "/spec/action"
	v.message == "Audit rules for file report nothing in namespace shop: its kubearmor-visibility is process,network"
}

test_bad_none if {
	found := visibility_off.violation with input as _document([_rule], "none")
	count(found) == 1
}

test_bad_token if {
	document := fixtures.namespace({"annotations": [fixtures.annotation("kubearmor-visibility", "process, flie")]})
	found := visibility_off.violation with input as document
	some v in found
	v.pointer == "/metadata/annotations/kubearmor-visibility"
	v.message == "kubearmor-visibility does not know flie"
}

test_good if {
	count(visibility_off.violation) == 0 with input as _document([_rule], "process,file")
	document := fixtures.namespace({"annotations": [fixtures.annotation("kubearmor-visibility", "none")]})
	count(visibility_off.violation) == 0 with input as document
}

test_near_miss if {
	count(visibility_off.violation) == 0 with input as _document([fixtures.path("file", 0, "/etc/shadow")], "none")
	count(visibility_off.violation) == 0 with input as _document([_rule], null)
	document := fixtures.namespace({"annotations": [fixtures.annotation("kubearmor-file-posture", "flie")]})
	count(visibility_off.violation) == 0 with input as document
}
