package hauberk.rules.conflicts.pts_true_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.pts_true

_rule := fixtures.changed(fixtures.path("process", 0, "/usr/bin/sleep"), {"pts": true})

test_bad if {
	found := pts_true.violation with input as fixtures.with_rules([_rule])
	some v in found
	count(found) == 1
	v.id == "HB307"
	v.pointer == "/spec/process/matchPaths/0/pts"
	contains(v.message, "pts: true has no effect")
	v.fix == {"safety": "safe", "edits": [{"op": "remove", "pointer": v.pointer}]}
}

test_good if {
	count(pts_true.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/usr/bin/sleep")])
}

test_near_miss_false if {
	count(pts_true.violation) == 0 with input as fixtures.with_rules([fixtures.changed(_rule, {"pts": false})])
}
