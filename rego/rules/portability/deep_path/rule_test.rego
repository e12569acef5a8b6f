package hauberk.rules.portability.deep_path_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.deep_path

_deep(parts) := concat("", [part | some _ in numbers.range(1, parts); part := "/a"])

test_bad if {
	found := deep_path.violation with input as fixtures.with_rules([fixtures.path("file", 0, _deep(21))])
	some v in found
	count(found) == 1
	v.id == "HB603"
	v.pointer == "/spec/file/matchPaths/0/path"
	v.message == "21 parts: KubeArmor sees the last 20 parts of a path, so this rule never matches"
}

test_bad_directory_and_source if {
	directory := concat("", [_deep(20), "/"])
	found := deep_path.violation with input as fixtures.with_rules([
		fixtures.tree("file", 0, directory),
		fixtures.from(fixtures.path("file", 0, "/x"), [_deep(22)]),
	])
	{v.pointer | some v in found} == {
		"/spec/file/matchDirectories/0/dir",
		"/spec/file/matchPaths/0/fromSource/0/path",
	}
}

test_good if {
	count(deep_path.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss if {
	directory := concat("", [_deep(19), "/"])
	count(deep_path.violation) == 0 with input as fixtures.with_rules([
		fixtures.path("file", 0, _deep(20)),
		fixtures.tree("file", 0, directory),
		fixtures.audit(fixtures.path("file", 1, _deep(30))),
	])
}
