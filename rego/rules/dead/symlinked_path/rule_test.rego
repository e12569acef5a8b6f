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

_in_image(rule, names) := found if {
	found := symlinked_path.violation with input as fixtures.in_image(fixtures.with_rules([rule]), {"names": names})
}

_shell(changes) := fixtures.image_name("/spec/process/matchPaths/0/path", "/bin/sh", changes)

test_bad_link_of_the_image if {
	found := _in_image(fixtures.path("process", 0, "/bin/sh"), [_shell({"resolved": "/usr/bin/dash", "link": true})])
	some v in found
	count(found) == 1
	v.severity == "error"
	v.message == "/bin/sh leads through a link in the image web: the kernel sees /usr/bin/dash, so it does not match"
	v.hint == "write /usr/bin/dash"
	v.fix.safety == "safe"
	v.fix.edits == [{"op": "replace", "pointer": "/spec/process/matchPaths/0/path", "value": "/usr/bin/dash"}]
}

test_bad_link_of_the_image_as_source if {
	rule := fixtures.from(fixtures.path("file", 0, "/x"), ["/opt/app"])
	pointer := "/spec/file/matchPaths/0/fromSource/0/path"
	some v in _in_image(rule, [fixtures.image_name(pointer, "/opt/app", {"resolved": "/opt/app-1/run", "link": true})])
	v.pointer == pointer
}

test_bad_applet_has_no_fix if {
	name := _shell({"resolved": "/bin/busybox", "link": true, "multicall": true})
	some v in _in_image(fixtures.path("process", 0, "/bin/sh"), [name])
	not v.fix
	contains(v.hint, "all that is called through it")
}

test_bad_other_workloads_have_other_images if {
	rule := fixtures.path("process", 0, "/bin/sh")
	name := _shell({"resolved": "/usr/bin/dash", "link": true})
	document := fixtures.in_image(fixtures.with_rules([rule]), {"names": [name], "complete": false})
	some v in symlinked_path.violation with input as document
	v.fix.safety == "unsafe"
}

test_bad_images_that_differ if {
	rule := fixtures.path("process", 0, "/bin/sh")
	both := [
		fixtures.image({"names": [_shell({"resolved": "/usr/bin/dash", "link": true})]}),
		fixtures.image({"image": "old", "names": [_shell({})]}),
	]
	document := fixtures.changed(fixtures.with_rules([rule]), {"workloads": [fixtures.workload({})], "images": both})
	some v in symlinked_path.violation with input as document
	not v.fix
}

test_near_miss_no_link_in_the_image if {
	count(_in_image(fixtures.path("process", 0, "/bin/sh"), [_shell({})])) == 0
}

test_near_miss_both_written_for_the_image if {
	rules := [fixtures.path("process", 0, "/bin/sh"), fixtures.path("process", 1, "/usr/bin/dash")]
	document := fixtures.in_image(
		fixtures.with_rules(rules),
		{"names": [_shell({"resolved": "/usr/bin/dash", "link": true})]},
	)
	count(symlinked_path.violation) == 0 with input as document
}

test_bad_what_no_image_decides if {
	some v in _in_image(fixtures.path("file", 0, "/proc/self/environ"), [])
	contains(v.message, "/proc/self is a link")
}
