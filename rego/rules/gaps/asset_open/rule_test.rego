package hauberk.rules.gaps.asset_open_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.gaps.asset_open

_block := object.union(fixtures.path("file", 1, "/etc/nginx/nginx.conf"), {"readOnly": true})

_document(changes) := fixtures.changed(
	fixtures.with_rules([fixtures.allow(fixtures.path("file", 0, "/etc/nginx/nginx.conf")), _block]),
	{"openAssets": [object.union(
		{
			"pointer": "/spec/file/matchPaths/0",
			"rule": "file.matchPaths[0]",
			"workload": "Pod/shop/web/web",
			"given": ["/usr/sbin/nginx"],
			"models": ["hauberk", "kubearmor"],
			"accesses": [
				{"op": "read", "target": "/etc/nginx/nginx.conf", "source": "/usr/bin/bash"},
				{"op": "write", "target": "/etc/nginx/nginx.conf", "source": "/usr/bin/bash"},
			],
			"through": null,
			"reported": false,
			"when": "",
			"postureKnown": true,
		},
		changes,
	)]},
)

test_bad_no_rule if {
	found := asset_open.violation with input as _document({})
	some v in found
	v.id == "HB413"
	not v.severity
	v.message == concat("", [
		"this rule is for /usr/sbin/nginx, yet /usr/bin/bash, whom it does not name, reads /etc/nginx/nginx.conf, ",
		"writes /etc/nginx/nginx.conf: no rule denies it in Pod/shop/web/web",
	])
	v.witness.op == "read"
}

test_bad_for_the_owner if {
	found := asset_open.violation with input as _document({"when": "as the owner of the file"})
	some v in found
	contains(v.message, "nginx.conf as the owner of the file: ")
	startswith(v.hint, "take ownerOnly off")
}

test_bad_posture_unknown if {
	found := asset_open.violation with input as _document({"reported": true, "postureKnown": false})
	some v in found
	v.severity == "warning"
	endswith(v.message, "the posture of Pod/shop/web/web only reports it")
}

test_bad_read_only_block if {
	place := {"file": "policies/sample.yaml", "line": 9, "policy": "sample", "rule": "file.matchPaths[1]"}
	found := asset_open.violation with input as _document({"through": place})
	some v in found
	v.fix == {"safety": "unsafe", "edits": [{"op": "remove", "pointer": "/spec/file/matchPaths/1/readOnly"}]}
	endswith(v.message, "allowed by file.matchPaths[1]")
}

test_bad_another_policy if {
	found := asset_open.violation with input as _document({"through": fixtures.place("other", "file.matchPaths[1]")})
	some v in found
	endswith(v.message, "allowed by other (file.matchPaths[1])")
	not v.fix
}

test_good_no_such_asset if {
	count(asset_open.violation) == 0 with input as fixtures.with_rules([fixtures.path("file", 0, "/etc/shadow")])
}

test_near_miss_other_model if {
	document := fixtures.only(_document({"models": ["kubearmor"]}), "hauberk")
	count(asset_open.violation) == 0 with input as document
}
