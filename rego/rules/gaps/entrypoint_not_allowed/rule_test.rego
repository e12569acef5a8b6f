package hauberk.rules.gaps.entrypoint_not_allowed_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.entrypoint_not_allowed

_found(changes) := found if {
	start := object.union(
		{
			"pointer": "/spec/process",
			"workload": "Deployment/shop/web/web",
			"field": "the image's entrypoint",
			"program": "/docker-entrypoint.sh",
			"source": null,
			"rule": null,
			"posture": "block",
		},
		changes,
	)
	rules := [fixtures.allow(fixtures.path("process", 0, "/usr/sbin/nginx"))]
	document := fixtures.in_image(fixtures.with_rules(rules), {"entrypoints": [start]})
	found := entrypoint_not_allowed.violation with input as document
}

test_bad if {
	found := _found({})
	some v in found
	count(found) == 1
	v.id == "HB404"
	v.pointer == "/spec/process"
	v.message == "the image's entrypoint of Deployment/shop/web/web starts /docker-entrypoint.sh, which the process allow-list lacks: it does not run"
	v.hint == "add /docker-entrypoint.sh to the process rules"
	v.witness == {"op": "exec", "target": "/docker-entrypoint.sh", "source": null}
	not v.severity
}

test_bad_by_a_rule if {
	some v in _found({"rule": "web:process.matchPaths[0]", "field": "livenessProbe.exec.command"})
	contains(v.message, "which web:process.matchPaths[0] denies: it does not run")
	v.hint == "allow /docker-entrypoint.sh, or leave it out of web:process.matchPaths[0]"
}

test_bad_started_by_env if {
	some v in _found({"source": "/usr/bin/env", "program": "/usr/bin/python3.11"})
	contains(v.message, "makes /usr/bin/env start /usr/bin/python3.11")
}

test_bad_audit if {
	some v in _found({"posture": "audit"})
	v.severity == "warning"
	contains(v.message, "under posture block it would not run")
}

test_good if {
	document := fixtures.in_image(fixtures.with_rules([]), {})
	count(entrypoint_not_allowed.violation) == 0 with input as document
}

test_near_miss_no_image if {
	count(entrypoint_not_allowed.violation) == 0 with input as fixtures.with_rules([])
}
