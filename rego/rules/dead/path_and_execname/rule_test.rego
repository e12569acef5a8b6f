package hauberk.rules.dead.path_and_execname_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.path_and_execname

_rule(path, execname) := fixtures.changed(fixtures.path("process", 0, path), {"targets": [
	fixtures.name("path", path, "/spec/process/matchPaths/0/path"),
	fixtures.name("execname", execname, "/spec/process/matchPaths/0/execname"),
]})

test_bad_kubearmor if {
	found := path_and_execname.violation with input as fixtures.with_rules([_rule("/opt/x", "run")])
	some v in found
	count(found) == 1
	v.id == "HB206"
	v.model == "kubearmor"
	v.pointer == "/spec/process/matchPaths/0/path"
	v.message == "KubeArmor ignores path when execname is given: any program named run matches, not just /opt/x"
}

test_bad_hauberk if {
	document := fixtures.only(fixtures.with_rules([_rule("/opt/x", "run")]), "hauberk")
	found := path_and_execname.violation with input as document
	some v in found
	v.severity == "warning"
	v.pointer == "/spec/process/matchPaths/0/execname"
	contains(v.message, "/opt/x is never named run")
}

test_bad_hauberk_same_name if {
	document := fixtures.only(fixtures.with_rules([_rule("/usr/bin/apt", "apt")]), "hauberk")
	found := path_and_execname.violation with input as document
	some v in found
	contains(v.message, "adds nothing")
}

test_bad_hauberk_pattern if {
	document := fixtures.only(fixtures.with_rules([_rule("/opt/*", "run")]), "hauberk")
	found := path_and_execname.violation with input as document
	some v in found
	contains(v.message, "only programs named run that fit /opt/*")
}

test_good if {
	count(path_and_execname.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/opt/run")])
}

test_near_miss_execname_of_another_rule if {
	rules := [fixtures.path("process", 0, "/opt/x"), fixtures.execname(1, "run")]
	count(path_and_execname.violation) == 0 with input as fixtures.with_rules(rules)
}
