package hauberk.rules.portability.long_directory_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.long_directory

_long := "/opt/vendor/application/releases/current/share/templates/customer/"

test_bad if {
	found := long_directory.violation with input as fixtures.with_rules([fixtures.tree("file", 0, _long)])
	some v in found
	count(found) == 1
	v.id == "HB601"
	v.pointer == "/spec/file/matchDirectories/0/dir"
	startswith(v.message, "66 bytes: KubeArmor looks for directories in the first 64 bytes")
}

test_good if {
	count(long_directory.violation) == 0 with input as fixtures.with_rules([fixtures.tree("file", 0, "/opt/vendor/")])
}

test_near_miss if {
	exact := concat("", ["/", substring(concat("", [x | some _ in numbers.range(1, 64); x := "a"]), 0, 62), "/"])
	count(exact) == 64
	count(long_directory.violation) == 0 with input as fixtures.with_rules([
		fixtures.tree("file", 0, exact),
		fixtures.audit(fixtures.tree("file", 1, _long)),
		fixtures.path("file", 0, trim_suffix(_long, "/")),
	])
}
