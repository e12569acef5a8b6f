package hauberk.rules.dead.unreachable_rule_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.unreachable_rule

_pointer := "/spec/file/matchDirectories/0"

_item(changes) := object.union(
	{
		"pointer": _pointer,
		"rule": "file.matchDirectories[0]",
		"unreachable": ["hauberk", "kubearmor"],
		"shells": [],
		"redundant": ["hauberk", "kubearmor"],
		"cover": [_cover("other", true)],
		"access": {"op": "read", "target": "/srv/x", "source": "/usr/bin/other"},
		"workload": "Pod/shop/web/web",
		"partly": null,
		"inconclusive": null,
		"closed": true,
		"removable": true,
	},
	changes,
)

_cover(name, other) := {
	"place": fixtures.place(name, "file.matchPatterns[0]"),
	"samePolicy": false,
	"action": "Allow",
	"otherAction": other,
}

_document(changes) := fixtures.changed(
	fixtures.with_rules([fixtures.path("file", 0, "/srv/x")]),
	{"reach": [_item(changes)]},
)

test_bad if {
	found := unreachable_rule.violation with input as _document({})
	some v in found
	count(found) == 1
	v.id == "HB201"
	v.model == "both"
	v.message == "this rule decides nothing: other (file.matchPatterns[0]) stands before it wherever it matches, as when /usr/bin/other reads /srv/x"
	v.fix.edits == [{"op": "remove", "pointer": _pointer}]
	v.witness.target == "/srv/x"
}

test_bad_for_one_model if {
	found := unreachable_rule.violation with input as _document({"unreachable": ["kubearmor"], "removable": false})
	some v in found
	v.model == "kubearmor"
	not v.fix
	startswith(v.hint, "keep it if the hauberk model is enforced anywhere")
}

test_bad_in_some_workloads if {
	partly := {"models": ["hauberk"], "dead": ["Pod/shop/web/web"], "alive": ["Pod/shop/job/job"], "shell": false}
	found := unreachable_rule.violation with input as _document({"unreachable": [], "partly": partly})
	some v in found
	v.severity == "warning"
	startswith(v.message, "in Pod/shop/web/web this rule decides nothing")
	endswith(v.message, "in Pod/shop/job/job it does")
}

test_bad_only_the_directory_itself if {
	found := unreachable_rule.violation with input as _document({"unreachable": [], "shells": ["kubearmor"]})
	some v in found
	contains(v.message, "about nothing in the directory")
}

test_bad_nothing_matches if {
	document := fixtures.changed(
		fixtures.with_rules([fixtures.path("file", 0, "/srv/x")]),
		{"reach": [_item({"pointer": "/spec/file/matchPaths/0", "cover": [], "access": null})]},
	)
	found := unreachable_rule.violation with input as document
	some v in found
	endswith(v.message, "no path, name or value that a kernel can show matches /srv/x")
}

test_bad_inconclusive if {
	found := unreachable_rule.violation with input as _document({"unreachable": [], "inconclusive": "/**x????"})
	some v in found
	v.severity == "info"
	contains(v.message, "/**x????")
}

test_good_no_such_rule if {
	count(unreachable_rule.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_says_what_the_cover_says if {
	count(unreachable_rule.violation) == 0 with input as _document({"cover": [_cover("other", false)]})
}

test_near_miss_other_model_only if {
	document := fixtures.only(_document({"unreachable": ["kubearmor"]}), "hauberk")
	count(unreachable_rule.violation) == 0 with input as document
}

test_near_miss_conflict_says_it if {
	relation := {
		"type": "conflict",
		"pointer": _pointer,
		"other": fixtures.place("other", "file.matchPatterns[0]"),
	}
	count(unreachable_rule.violation) == 0 with input as fixtures.changed(_document({}), {"relations": [relation]})
}

test_bad_what_was_not_searched if {
	document := fixtures.changed(fixtures.with_rules([fixtures.path("file", 0, "/srv/x")]), {"inconclusive": ["/**x????????"]})
	found := unreachable_rule.violation with input as document
	some v in found
	v.severity == "info"
	v.pointer == "/spec"
	contains(v.message, "(/**x????????)")
}
