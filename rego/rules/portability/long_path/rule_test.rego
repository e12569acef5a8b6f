package hauberk.rules.portability.long_path_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.long_path

_path(length) := concat("", ["/", concat("", [x | some _ in numbers.range(2, length); x := "a"])])

test_bad if {
	found := long_path.violation with input as fixtures.with_rules([fixtures.path("file", 0, _path(200))])
	some v in found
	count(found) == 1
	v.id == "HB602"
	v.pointer == "/spec/file/matchPaths/0/path"
	startswith(v.message, "200 bytes: KubeArmor sees at most 199 bytes")
}

test_bad_source if {
	rule := fixtures.from(fixtures.path("file", 0, "/x"), [_path(240)])
	found := long_path.violation with input as fixtures.with_rules([rule])
	some v in found
	v.pointer == "/spec/file/matchPaths/0/fromSource/0/path"
	contains(v.message, "this source never matches")
}

test_good if {
	count(long_path.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss if {
	count(long_path.violation) == 0 with input as fixtures.with_rules([
		fixtures.path("file", 0, _path(199)),
		fixtures.audit(fixtures.path("file", 1, _path(200))),
		fixtures.pattern("file", 0, _path(200)),
	])
}
