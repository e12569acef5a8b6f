package hauberk.rules.conflicts.apparmor_section_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.apparmor_section

test_bad if {
	found := apparmor_section.violation with input as fixtures.policy({"apparmor": true})
	some v in found
	count(found) == 1
	v.id == "HB311"
	v.pointer == "/spec/apparmor"
	v.message == "raw AppArmor lines do nothing on a BPF-LSM node"
}

test_bad_with_rules if {
	document := fixtures.policy({"apparmor": true, "rules": [fixtures.path("file", 0, "/etc/shadow")]})
	found := apparmor_section.violation with input as document
	some v in found
	contains(v.message, "raises no alert for the other rules")
	for_hauberk := apparmor_section.violation with input as fixtures.only(document, "hauberk")
	some w in for_hauberk
	not contains(w.message, "alert")
}

test_good if {
	count(apparmor_section.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_empty if {
	count(apparmor_section.violation) == 0 with input as fixtures.policy({"apparmor": false})
}
