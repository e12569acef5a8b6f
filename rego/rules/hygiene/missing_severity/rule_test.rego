package hauberk.rules.hygiene.missing_severity_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.hygiene.missing_severity

_rule := fixtures.changed(fixtures.path("file", 0, "/etc/shadow"), {"severity": null})

test_bad if {
	found := missing_severity.violation with input as fixtures.policy({"severity": null, "rules": [_rule, fixtures.path("file", 1, "/x")]})
	some v in found
	count(found) == 1
	v.id == "HB701"
	v.pointer == "/spec/file"
	v.message == "no severity for 1 of 2 blocking or auditing rules: their alerts carry none"
}

test_bad_zero if {
	found := missing_severity.violation with input as fixtures.policy({"severity": 0, "rules": [_rule]})
	some v in found
	v.pointer == "/spec/severity"
	endswith(v.message, "as severity 0 counts as not given")
}

test_bad_two_sections if {
	process := fixtures.changed(fixtures.path("process", 0, "/x"), {"severity": null})
	found := missing_severity.violation with input as fixtures.policy({"severity": null, "rules": [_rule, process]})
	some v in found
	v.pointer == "/spec"
}

test_bad_host if {
	document := fixtures.host_policy({"severity": null, "rules": [_rule]})
	found := missing_severity.violation with input as document
	some v in found
	v.message == "no severity for 1 of 1 blocking or auditing rules: KubeArmor reports them with severity 1, the lowest"
	others := missing_severity.violation with input as fixtures.only(document, "hauberk")
	some w in others
	endswith(w.message, "their alerts carry none")
}

test_good if {
	count(missing_severity.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_allow if {
	count(missing_severity.violation) == 0 with input as fixtures.policy({"severity": null, "rules": [fixtures.allow(_rule)]})
}
