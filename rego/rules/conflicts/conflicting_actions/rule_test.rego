package hauberk.rules.conflicts.conflicting_actions_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.conflicting_actions

_allow := fixtures.allow(fixtures.changed(fixtures.path("file", 0, "/etc/shadow"), {"actionLevel": "rule"}))

_access := {"op": "read", "target": "/etc/shadow", "source": null}

_document(relations) := fixtures.changed(fixtures.with_rules([_allow, fixtures.path("file", 1, "/etc/shadow")]), {"relations": relations})

_conflict := fixtures.relation(
	"conflict", _allow, fixtures.place("other", "file.matchPaths[3]"),
	{"access": _access, "orderMatters": true},
)

test_bad_two_policies if {
	found := conflicting_actions.violation with input as _document([_conflict])
	some v in found
	count(found) == 1
	v.id == "HB301"
	v.pointer == "/spec/file/matchPaths/0/action"
	startswith(v.message, "this rule allows /etc/shadow, and other (file.matchPaths[3]) blocks the same: hauberk denies")
	contains(v.message, "for KubeArmor the one that arrives last wins")
	v.witness == _access
	v.related[0].place.policy == "other"
}

test_bad_same_policy_once if {
	one := fixtures.changed(_conflict, {"samePolicy": true, "orderMatters": false, "other": {"rule": "file.matchPaths[1]", "policy": "sample"}})
	two := fixtures.relation(
		"conflict", fixtures.path("file", 1, "/etc/shadow"), fixtures.place("sample", "file.matchPaths[0]"),
		{"samePolicy": true, "verdicts": {"hauberk": "denied", "kubearmor": "denied"}},
	)
	found := conflicting_actions.violation with input as _document([one, two])
	some v in found
	count(found) == 1
	v.pointer == "/spec/file/matchPaths/1/path"
	contains(v.message, "this rule blocks /etc/shadow, and file.matchPaths[0] of this policy allows the same")
	contains(v.message, "KubeArmor has it denied")
	not v.witness
}

test_bad_for_hauberk_alone if {
	found := conflicting_actions.violation with input as fixtures.only(_document([_conflict]), "hauberk")
	some v in found
	endswith(v.message, ": hauberk denies")
}

test_bad_pattern_for_hauberk_only if {
	rule := fixtures.allow(fixtures.pattern("file", 0, "/etc/*.key"))
	relation := fixtures.relation("conflict", rule, fixtures.place("other", "file.matchPatterns[0]"), {"orderMatters": true})
	document := fixtures.changed(fixtures.with_rules([rule]), {"relations": [relation]})
	found := conflicting_actions.violation with input as document
	some v in found
	v.model == "hauberk"
	endswith(v.message, ": hauberk denies")
	count(conflicting_actions.violation) == 0 with input as fixtures.only(document, "kubearmor")
}

test_bad_read_only_block if {
	access := {"access": {"op": "write", "target": "/etc/shadow", "source": null}}
	found := conflicting_actions.violation with input as _document([fixtures.changed(_conflict, access)])
	some v in found
	contains(v.message, "this rule allows /etc/shadow, and other (file.matchPaths[3]) blocks writing it:")
	v.related[0].message == "blocks writing it"
	block := fixtures.changed(fixtures.path("file", 1, "/etc/shadow"), {"readOnly": true})
	mirrored := fixtures.relation("conflict", block, fixtures.place("other", "file.matchPaths[3]"), access)
	others := conflicting_actions.violation with input as fixtures.changed(fixtures.with_rules([block]), {"relations": [mirrored]})
	some other in others
	contains(other.message, "this rule blocks writing /etc/shadow, and other (file.matchPaths[3]) allows the same:")
}

test_good if {
	count(conflicting_actions.violation) == 0 with input as _document([])
}

test_near_miss_other_relation if {
	count(conflicting_actions.violation) == 0 with input as _document([fixtures.changed(_conflict, {"type": "flags"})])
}
