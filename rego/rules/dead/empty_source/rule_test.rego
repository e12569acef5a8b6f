package hauberk.rules.dead.empty_source_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.empty_source

_document(rule) := fixtures.with_rules([rule])

_rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/cat", null])

test_bad if {
	found := empty_source.violation with input as _document(_rule)
	some v in found
	count(found) == 1
	v.id == "HB212"
	v.pointer == "/spec/file/matchPaths/0/fromSource/1"
	v.message == "a source without a path: KubeArmor applies the rule to everybody, hauberk to nobody"
}

test_bad_for_one_model if {
	for_kubearmor := empty_source.violation with input as fixtures.only(_document(_rule), "kubearmor")
	some v in for_kubearmor
	endswith(v.message, "KubeArmor applies the rule to everybody")
	for_hauberk := empty_source.violation with input as fixtures.only(_document(_rule), "hauberk")
	some w in for_hauberk
	endswith(w.message, "no program ever is this source")
}

test_bad_directory if {
	problem := fixtures.problem("unknown-field", "/spec/file/matchPaths/0/fromSource/1/dir", "unknown field dir", {"name": "dir"})
	found := empty_source.violation with input as fixtures.changed(_document(_rule), {"problems": [problem]})
	some v in found
	contains(v.hint, "a source cannot be a directory")
}

test_good if {
	rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/cat"])
	count(empty_source.violation) == 0 with input as _document(rule)
}

test_near_miss_global_rule if {
	count(empty_source.violation) == 0 with input as _document(fixtures.path("file", 0, "/etc/passwd"))
}
