package hauberk.rules.dead.no_target_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.no_target

_rule := fixtures.rule("process", "matchPaths", 1)

test_bad if {
	found := no_target.violation with input as fixtures.with_rules([_rule])
	some v in found
	count(found) == 1
	v.id == "HB205"
	v.pointer == "/spec/process/matchPaths/1"
	v.message == "neither path nor execname: the rule matches no program"
}

test_bad_allow if {
	found := no_target.violation with input as fixtures.with_rules([fixtures.allow(_rule)])
	some v in found
	contains(v.message, "turns the process allow-list on")
}

test_good if {
	count(no_target.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/x"), fixtures.execname(1, "apt")])
}

test_near_miss_file_rule if {
	count(no_target.violation) == 0 with input as fixtures.with_rules([fixtures.rule("file", "matchPaths", 0)])
}

test_near_miss_refused_by_the_schema if {
	problem := fixtures.problem("schema", "/spec/process/matchPaths/1/path", "must be of type string", {"keyword": "type"})
	document := fixtures.changed(fixtures.with_rules([_rule]), {"problems": [problem]})
	count(no_target.violation) == 0 with input as document
}
