package hauberk.rules.dead.symlinked_path_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.symlinked_path

_found(rules) := found if {
	found := symlinked_path.violation with input as fixtures.with_rules(rules)
}

test_bad_merged if {
	found := _found([fixtures.path("process", 0, "/bin/sh")])
	some v in found
	count(found) == 1
	v.id == "HB211"
	v.pointer == "/spec/process/matchPaths/0/path"
	v.message == "on a usr-merged image (/bin, /sbin, /lib are links) the kernel never sees /bin/sh, so it does not match"
	v.hint == "write /usr/bin/sh; where images differ, write both"
}

test_bad_source_and_directory if {
	found := _found([fixtures.from(fixtures.tree("file", 0, "/var/run/"), ["/sbin/init"])])
	{v.pointer | some v in found} == {
		"/spec/file/matchDirectories/0/dir",
		"/spec/file/matchDirectories/0/fromSource/0/path",
	}
}

test_bad_service_account if {
	some v in _found([fixtures.path("file", 0, "/run/secrets/kubernetes.io/serviceaccount/token")])
	contains(v.message, "links into a folder that changes its name")
	contains(v.hint, "recursive: true")
}

test_bad_many_are_one_finding if {
	found := _found([fixtures.path("process", index, $"/sbin/tool{index}") | some index in numbers.range(0, 5)])
	some v in found
	count(found) == 1
	v.pointer == "/spec/process/matchPaths/0/path"
	contains(v.message, "6 paths of process.matchPaths, so they do not match: /sbin/tool0, /sbin/tool1 and 4 more")
	contains(v.hint, "/usr/sbin/tool0 for /sbin/tool0")
}

test_good if {
	count(_found([fixtures.from(fixtures.path("process", 0, "/usr/bin/apt"), ["/usr/bin/bash"])])) == 0
}

test_bad_service_account_directory if {
	rule := fixtures.dir("file", 0, "/run/secrets/kubernetes.io/serviceaccount/")
	some v in _found([rule])
	contains(v.message, "not being recursive, does not cover")
	v.model == "hauberk"
	count(symlinked_path.violation) == 0 with input as fixtures.only(fixtures.with_rules([rule]), "kubearmor")
}

test_bad_service_account_directory_through_a_link if {
	rule := fixtures.dir("file", 0, "/var/run/secrets/kubernetes.io/serviceaccount/")
	some v in _found([rule])
	contains(v.message, "/var/run is a link")
	v.hint == "write dir: /run/secrets/kubernetes.io/serviceaccount/ with recursive: true"
	not v.model
}

test_bad_host_policy if {
	found := symlinked_path.violation with input as fixtures.host_policy({"rules": [fixtures.path("process", 0, "/bin/sh")]})
	some v in found
	v.message == "on a usr-merged host (/bin, /sbin, /lib are links) the kernel never sees /bin/sh, so it does not match"
	v.hint == "write /usr/bin/sh; where hosts differ, write both"
}

test_bad_audit_is_for_hauberk if {
	rule := fixtures.audit(fixtures.path("process", 0, "/bin/sh"))
	some v in _found([rule])
	v.model == "hauberk"
	count(symlinked_path.violation) == 0 with input as fixtures.only(fixtures.with_rules([rule]), "kubearmor")
}

test_near_miss_both_written if {
	count(_found([fixtures.path("process", 0, "/bin/sh"), fixtures.path("process", 1, "/usr/bin/sh")])) == 0
	count(_found([fixtures.from(fixtures.path("file", 0, "/x"), ["/bin/sh", "/usr/bin/sh"])])) == 0
}

test_near_miss_similar_names if {
	count(_found([
		fixtures.path("file", 0, "/bind/x"),
		fixtures.path("file", 1, "/opt/bin/x"),
		fixtures.tree("file", 0, "/run/secrets/kubernetes.io/serviceaccount/"),
		fixtures.pattern("file", 0, "/bin/*"),
	])) == 0
}
