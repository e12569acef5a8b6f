package hauberk.rules.dead.glob_in_path_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.glob_in_path

_found(rules) := found if {
	found := glob_in_path.violation with input as fixtures.with_rules(rules)
}

test_bad_path if {
	found := _found([fixtures.path("file", 0, "/var/log/*")])
	some v in found
	count(found) == 1
	v.id == "HB209"
	v.severity == "error"
	v.model == "kubearmor"
	v.pointer == "/spec/file/matchPaths/0/path"
	v.message == "KubeArmor (BPF-LSM) takes * literally: /var/log/* matches only a file really called so"
	v.hint == "write matchDirectories with dir: /var/log/"
}

test_bad_directory if {
	found := _found([fixtures.tree("file", 0, "/home/*/.ssh/")])
	some v in found
	not v.model
	contains(v.message, "matches only a directory really called so")
	v.hint == "write dir: /home/ with recursive: true, or list the directories"
}

test_bad_directory_for_hauberk_too if {
	document := fixtures.only(fixtures.with_rules([fixtures.tree("file", 0, "/home/*/.ssh/")]), "hauberk")
	count(glob_in_path.violation) == 1 with input as document
}

test_bad_source if {
	found := _found([fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/python*"])])
	some v in found
	v.pointer == "/spec/file/matchPaths/0/fromSource/0/path"
	contains(v.message, "no program is really called /usr/bin/python*")
}

test_bad_brackets_are_a_warning if {
	some v in _found([fixtures.path("process", 0, "/usr/bin/python[23]")])
	v.severity == "warning"
}

test_bad_audit_can_be_a_pattern if {
	hint := "move it to matchPatterns: Audit rules read patterns on every node"
	some v in _found([fixtures.audit(fixtures.path("file", 0, "/var/log/*"))])
	v.hint == hint
	some other in _found([fixtures.audit(fixtures.tree("file", 0, "/home/*/.ssh/"))])
	other.hint == hint
}

test_bad_with_source_has_no_pattern if {
	some v in _found([fixtures.from(fixtures.path("file", 0, "/etc/*.key"), ["/bin/x"])])
	v.hint == "list the names one by one"
	some audit in _found([fixtures.audit(fixtures.from(fixtures.path("file", 0, "/etc/*.key"), ["/bin/x"]))])
	audit.hint == "list the names one by one"
	some everybody in _found([fixtures.path("file", 0, "/etc/*.key")])
	endswith(everybody.hint, "also read matchPatterns")
}

test_bad_many_are_one_finding if {
	found := _found([fixtures.path("file", index, $"/etc/*{index}") | some index in numbers.range(0, 4)])
	some v in found
	count(found) == 1
	v.severity == "error"
	v.model == "kubearmor"
	v.pointer == "/spec/file/matchPaths/0/path"
	v.message == "KubeArmor (BPF-LSM) takes glob characters literally in 5 paths of file.matchPaths: /etc/*0, /etc/*1 and 3 more"
	v.hint == "list the names one by one; hauberk and AppArmor nodes also read matchPatterns"
}

test_bad_many_with_a_better_form if {
	found := _found(array.concat(
		[fixtures.path("file", index, $"/etc/*{index}") | some index in numbers.range(0, 2)],
		[fixtures.path("file", 3, "/srv/*")],
	))
	some v in found
	v.hint == "for /srv/*: write matchDirectories with dir: /srv/"
}

test_bad_many_sources if {
	found := _found([fixtures.from(fixtures.path("file", 0, "/x"), [$"/bin/{name}*" | some name in ["a", "b", "c", "d"]])])
	some v in found
	count(found) == 1
	v.message == "glob characters stand for themselves in 4 sources of file.matchPaths: /bin/a*, /bin/b* and 2 more"
	v.hint == "name the programs one by one"
	not v.model
}

test_good if {
	count(_found([fixtures.tree("file", 0, "/var/log/"), fixtures.pattern("file", 0, "/var/log/*")])) == 0
}

test_near_miss_bracket_program if {
	count(_found([fixtures.path("process", 0, "/usr/bin/["), fixtures.execname(1, "[")])) == 0
}

test_near_miss_pattern_for_hauberk if {
	document := fixtures.only(fixtures.with_rules([fixtures.path("file", 0, "/var/log/*")]), "hauberk")
	count(glob_in_path.violation) == 0 with input as document
}
