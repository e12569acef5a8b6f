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

test_bad_read_only if {
	found := owner_block.violation with input as fixtures.with_rules([fixtures.changed(_rule, {"readOnly": true})])
	some v in found
	v.message == "this Block lets the owner of /home/u/tool read: only writing is denied to everybody"
	v.hint == "remove ownerOnly and readOnly to block everybody"
}

test_bad_sources if {
	found := owner_block.violation with input as fixtures.with_rules([fixtures.from(_rule, ["/bin/app"])])
	some v in found
	v.message == "ownerOnly exempts the owner of /home/u/tool from this Block of its sources: it denies them to other users only"
	v.hint == "remove ownerOnly to block its sources"
}

_many(number, changes) := [rule |
	some index in numbers.range(0, number - 1)
	rule := object.union(fixtures.changed(fixtures.path("process", index, $"/x/{index}"), {"ownerOnly": true}), changes)
]

test_bad_many_are_one_finding if {
	found := owner_block.violation with input as fixtures.with_rules(_many(4, {}))
	some v in found
	count(found) == 1
	v.pointer == "/spec/process/matchPaths/0/ownerOnly"
	v.message == "ownerOnly exempts the owner of /x/0, /x/1 and 2 more from this Block: it denies other users only (4 rules)"
}

test_bad_three_are_three_findings if {
	count(owner_block.violation) == 3 with input as fixtures.with_rules(_many(3, {}))
}
