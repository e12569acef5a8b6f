package hauberk.rules.dead.path_not_canonical_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.path_not_canonical

_found(rule) := found if {
	found := path_not_canonical.violation with input as fixtures.with_rules([rule])
}

test_bad_doubled_slash if {
	found := _found(fixtures.rewritten(fixtures.path("file", 0, "//etc/passwd"), "/etc/passwd"))
	some v in found
	count(found) == 1
	v.id == "HB210"
	v.pointer == "/spec/file/matchPaths/0/path"
	v.message == "//etc/passwd is not how the kernel writes this path: this rule never matches"
	v.hint == "write /etc/passwd"
	v.fix == {"safety": "safe", "edits": [{"op": "replace", "pointer": v.pointer, "value": "/etc/passwd"}]}
}

test_bad_directory_without_slash if {
	found := _found(fixtures.rewritten(fixtures.tree("process", 1, "/usr/bin"), "/usr/bin/"))
	some v in found
	contains(v.message, "/usr/bin has no final slash")
	v.fix.edits[0].value == "/usr/bin/"
}

test_bad_path_with_slash_is_unsafe if {
	found := _found(fixtures.rewritten(fixtures.path("file", 0, "/etc/ssl/"), "/etc/ssl"))
	some v in found
	contains(v.message, "ends with a slash")
	contains(v.hint, "matchDirectories with dir: /etc/ssl/")
	v.fix.safety == "unsafe"
}

test_bad_relative_and_blank if {
	some relative in _found(fixtures.rewritten(fixtures.path("process", 0, "usr/bin/apt"), "/usr/bin/apt"))
	contains(relative.message, "does not start with a slash")
	some blank in _found(fixtures.rewritten(fixtures.path("process", 0, "/usr/bin/apt "), "/usr/bin/apt"))
	contains(blank.message, `"/usr/bin/apt " has blanks at an end`)
}

test_bad_source if {
	rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/./bin/cat"])
	source := object.union(rule.sources[0], {"path": {"canonical": "/usr/bin/cat"}})
	found := _found(fixtures.changed(rule, {"sources": [source]}))
	some v in found
	count(found) == 1
	v.pointer == "/spec/file/matchPaths/0/fromSource/0/path"
	contains(v.message, "this source never matches")
}

test_good_canonical if {
	count(_found(fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/cat"]))) == 0
}

test_near_miss_dots_in_names if {
	count(_found(fixtures.path("file", 0, "/srv/..data/.hidden/a..b"))) == 0
	count(_found(fixtures.from(fixtures.execname(0, "apt"), [null]))) == 0
}
