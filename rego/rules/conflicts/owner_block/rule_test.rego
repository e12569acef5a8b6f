package hauberk.rules.conflicts.owner_block_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.owner_block

_rule := fixtures.changed(fixtures.path("process", 0, "/home/u/tool"), {"ownerOnly": true})

test_bad if {
	found := owner_block.violation with input as fixtures.with_rules([_rule])
	some v in found
	count(found) == 1
	v.id == "HB305"
	v.pointer == "/spec/process/matchPaths/0/ownerOnly"
	v.message == "ownerOnly exempts the owner of /home/u/tool from this Block: it denies other users only"
}

test_bad_file if {
	rule := fixtures.changed(fixtures.path("file", 0, "/data"), {"ownerOnly": true})
	found := owner_block.violation with input as fixtures.with_rules([rule])
	some v in found
	contains(v.message, "the owner of /data")
}

test_good if {
	count(owner_block.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/home/u/tool")])
}

test_near_miss if {
	count(owner_block.violation) == 0 with input as fixtures.with_rules([
		fixtures.allow(_rule),
		fixtures.audit(_rule),
		fixtures.changed(_rule, {"pts": false}),
	])
}
