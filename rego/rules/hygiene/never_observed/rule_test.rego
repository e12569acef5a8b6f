package hauberk.rules.hygiene.never_observed_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.hygiene.never_observed

_rule := fixtures.path("file", 0, "/etc/shadow")

test_bad_once if {
	found := never_observed.violation with input as fixtures.with_rules([_rule, fixtures.path("file", 1, "/x")])
	some v in found
	count(found) == 1
	v.id == "HB704"
	v.pointer == "/spec/file"
	startswith(v.message, "chown and xattr by path are not watched by KubeArmor")
	contains(v.hint, "dropped capabilities")
}

test_bad_read_only if {
	found := never_observed.violation with input as fixtures.with_rules([_rule, fixtures.changed(_rule, {"readOnly": true})])
	some v in found
	count(found) == 1
	startswith(v.message, "chown, xattr, ioctl and mmap are not watched by KubeArmor")
}

test_bad_host if {
	found := never_observed.violation with input as fixtures.host_policy({"rules": [_rule]})
	some v in found
	v.hint == "for these use read-only mounts or a seccomp profile"
}

test_bad_for_hauberk if {
	found := never_observed.violation with input as fixtures.only(fixtures.with_rules([fixtures.pattern("file", 0, "/data/*")]), "hauberk")
	some v in found
	startswith(v.message, "xattr by path is not decided")
}

test_bad_read_only_for_hauberk if {
	rule := fixtures.allow(fixtures.changed(_rule, {"readOnly": true}))
	found := never_observed.violation with input as fixtures.only(fixtures.with_rules([rule]), "hauberk")
	some v in found
	startswith(v.message, "xattr, ioctl and mmap")
}

test_good if {
	count(never_observed.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/usr/bin/apt")])
}

test_near_miss_allow_or_audit if {
	count(never_observed.violation) == 0 with input as fixtures.with_rules([fixtures.allow(_rule), fixtures.audit(_rule)])
}

test_near_miss_patterns_only if {
	count(never_observed.violation) == 0 with input as fixtures.with_rules([fixtures.pattern("file", 0, "/data/*")])
}
