package hauberk.rules.conflicts.readonly_block_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.conflicts.readonly_block

_rule := fixtures.changed(fixtures.path("file", 0, "/etc/shadow"), {"readOnly": true})

test_bad_path if {
	found := readonly_block.violation with input as fixtures.with_rules([_rule])
	some v in found
	count(found) == 1
	v.id == "HB304"
	v.pointer == "/spec/file/matchPaths/0/readOnly"
	v.message == "Block with readOnly stops only writing and changing: everybody may still read /etc/shadow"
	v.fix.edits == [{"op": "remove", "pointer": "/spec/file/matchPaths/0/readOnly"}]
	v.fix.safety == "unsafe"
	not v.severity
}

test_bad_program_folders_are_a_remark if {
	every dir in ["/usr/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/lib64/", "/usr/", "/etc/", "/etc/ssl/certs/"] {
		rule := fixtures.changed(fixtures.tree("file", 0, dir), {"readOnly": true})
		found := readonly_block.violation with input as fixtures.with_rules([rule])
		count([v | some v in found; v.severity == "info"; not v.fix; startswith(v.hint, "right if only changes")]) == 1
	}
}

test_bad_other_folders if {
	every rule in [fixtures.tree("file", 0, "/usr/share/"), fixtures.dir("file", 0, "/usr/"), fixtures.tree("file", 0, "/library/")] {
		found := readonly_block.violation with input as fixtures.with_rules([fixtures.changed(rule, {"readOnly": true})])
		count([v | some v in found; v.fix; not v.severity]) == 1
	}
}

test_bad_with_source if {
	found := readonly_block.violation with input as fixtures.with_rules([fixtures.from(_rule, ["/usr/bin/vi"])])
	some v in found
	contains(v.message, "its sources may still read")
}

test_bad_pattern_for_hauberk_only if {
	rule := fixtures.changed(fixtures.pattern("file", 0, "/etc/*.key"), {"readOnly": true})
	found := readonly_block.violation with input as fixtures.with_rules([rule])
	some v in found
	v.model == "hauberk"
	count(readonly_block.violation) == 0 with input as fixtures.only(fixtures.with_rules([rule]), "kubearmor")
}

test_good_block_without_read_only if {
	count(readonly_block.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_allow if {
	count(readonly_block.violation) == 0 with input as fixtures.with_rules([fixtures.allow(_rule), fixtures.audit(_rule)])
}

test_near_miss_other_requirements_deny_reading if {
	count(readonly_block.violation) == 0 with input as fixtures.with_rules([
		fixtures.changed(_rule, {"ownerOnly": true}),
		fixtures.changed(_rule, {"pts": false}),
	])
}

test_near_miss_exception_to_a_block_for_everybody if {
	document := fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow"), fixtures.from(_rule, ["/usr/bin/login"])])
	count(readonly_block.violation) == 0 with input as document
}
