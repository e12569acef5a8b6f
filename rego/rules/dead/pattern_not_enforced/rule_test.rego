package hauberk.rules.dead.pattern_not_enforced_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.pattern_not_enforced

_found(rules) := found if {
	found := pattern_not_enforced.violation with input as fixtures.with_rules(rules)
}

test_bad_block if {
	found := _found([fixtures.pattern("process", 0, "/tmp/**")])
	some v in found
	count(found) == 1
	v.id == "HB208"
	v.pointer == "/spec/process/matchPatterns/0/pattern"
	v.message == "KubeArmor's BPF-LSM enforcer does not read matchPatterns: /tmp/** blocks nothing"
	v.hint == "write matchDirectories with dir: /tmp/ and recursive: true"
}

test_bad_hints if {
	some direct in _found([fixtures.pattern("file", 0, "/srv/*")])
	direct.hint == "write matchDirectories with dir: /srv/"
	some literal in _found([fixtures.pattern("file", 0, "/etc/shadow")])
	literal.hint == "write matchPaths with path: /etc/shadow"
	some named in _found([fixtures.pattern("process", 0, "/**/curl")])
	named.hint == "write matchPaths with execname: curl (any folder)"
	some file in _found([fixtures.pattern("file", 0, "/**/curl")])
	file.hint == "list the paths or directories one by one"
	some other in _found([fixtures.pattern("process", 0, "/usr/*/python*")])
	other.hint == "list the paths or directories one by one"
}

test_bad_allow if {
	some v in _found([fixtures.allow(fixtures.pattern("file", 0, "/srv/*"))])
	contains(v.message, "turns no allow-list on")
}

test_bad_many_are_one_finding if {
	found := _found([fixtures.pattern("file", index, $"/srv/{index}/*") | some index in numbers.range(0, 4)])
	some v in found
	count(found) == 1
	v.pointer == "/spec/file/matchPatterns/0/pattern"
	contains(v.message, "5 patterns of file block nothing (/srv/0/*, /srv/1/* and 3 more)")
	contains(v.hint, "/x/* is dir: /x/")
}

test_bad_many_without_another_form if {
	some v in _found([fixtures.pattern("file", index, $"/srv/{index}/*.key") | some index in numbers.range(0, 4)])
	v.hint == "list the paths or directories one by one"
}

test_good_directory if {
	count(_found([fixtures.tree("file", 0, "/srv/")])) == 0
}

test_near_miss_audit if {
	count(_found([fixtures.audit(fixtures.pattern("file", 0, "/srv/*"))])) == 0
}
