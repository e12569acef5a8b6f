package hauberk.rules.gaps.write_and_execute_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.write_and_execute

_document(models, through) := fixtures.changed(
	fixtures.with_rules([fixtures.allow(fixtures.path("process", 0, "/opt/app/run"))]),
	{"dropPlaces": [{
		"pointer": "/spec/process/matchPaths/0",
		"rule": "process.matchPaths[0]",
		"workload": "Pod/shop/web/web",
		"models": models,
		"write": {"op": "write", "target": "/opt/app/run", "source": "/usr/bin/other"},
		"run": {"op": "exec", "target": "/opt/app/run", "source": "/usr/bin/other"},
		"through": through,
	}]},
)

test_bad if {
	place := fixtures.place("files", "file.matchDirectories[0]")
	found := write_and_execute.violation with input as _document(["hauberk", "kubearmor"], place)
	some v in found
	v.id == "HB409"
	v.message == concat("", [
		"what this rule lets run may be written in Pod/shop/web/web: /usr/bin/other writes /opt/app/run ",
		"by file.matchDirectories[0], and it runs",
	])
	v.related == [{"place": place, "message": "lets it be written"}]
}

test_bad_without_a_rule if {
	found := write_and_execute.violation with input as _document(["kubearmor"], null)
	some v in found
	v.model == "kubearmor"
	contains(v.message, "no file rule says anything about it")
	v.related == []
}

test_good_no_such_place if {
	count(write_and_execute.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_other_model if {
	document := fixtures.only(_document(["kubearmor"], null), "hauberk")
	count(write_and_execute.violation) == 0 with input as document
}
