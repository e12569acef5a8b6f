package hauberk.rules.conflicts.owner_only_overlay_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.owner_only_overlay

_rule := fixtures.changed(fixtures.path("file", 0, "/data"), {"ownerOnly": true})

test_bad_one_finding if {
	other := fixtures.changed(fixtures.allow(fixtures.tree("file", 0, "/srv/")), {"ownerOnly": true})
	found := owner_only_overlay.violation with input as fixtures.with_rules([_rule, other])
	some v in found
	count(found) == 1
	v.id == "HB315"
	v.pointer == "/spec/file/matchPaths/0/ownerOnly"
	contains(v.message, "only for root, and only on root's own files: /data and /srv/")
	endswith(v.hint, "separate users by file modes")
}

test_bad_block if {
	found := owner_only_overlay.violation with input as fixtures.with_rules([_rule])
	some v in found
	endswith(v.hint, "remove ownerOnly")
}

test_bad_block_that_lets_read if {
	found := owner_only_overlay.violation with input as fixtures.with_rules([fixtures.changed(_rule, {"readOnly": true})])
	some v in found
	endswith(v.hint, "separate users by file modes")
}

test_near_miss_what_the_runtime_mounts if {
	every path in ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/proc/version", "/dev/null"] {
		rule := fixtures.changed(fixtures.path("file", 0, path), {"ownerOnly": true})
		count(owner_only_overlay.violation) == 0 with input as fixtures.with_rules([rule])
	}
}

test_good if {
	count(owner_only_overlay.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/data")])
}

test_near_miss if {
	process := fixtures.changed(fixtures.path("process", 0, "/usr/bin/x"), {"ownerOnly": true})
	pattern := fixtures.changed(fixtures.pattern("file", 0, "/data/*"), {"ownerOnly": true})
	count(owner_only_overlay.violation) == 0 with input as fixtures.with_rules([process, pattern, fixtures.audit(_rule)])
	count(owner_only_overlay.violation) == 0 with input as fixtures.host_policy({"rules": [_rule]})
}
