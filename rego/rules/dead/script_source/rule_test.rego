package hauberk.rules.dead.script_source_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.script_source

_found(source) := found if {
	rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), ["/usr/bin/cat", source])
	found := script_source.violation with input as fixtures.with_rules([rule])
}

test_bad if {
	found := _found("/docker-entrypoint.sh")
	some v in found
	count(found) == 1
	v.id == "HB204"
	v.pointer == "/spec/file/matchPaths/0/fromSource/1/path"
	startswith(v.message, "docker-entrypoint.sh looks like a script: the kernel sees its interpreter")
}

test_bad_other_languages if {
	every source in ["/app/main.py", "/opt/x.pl", "/srv/server.js"] {
		count(_found(source)) == 1
	}
}

test_good_program if {
	count(_found("/usr/sbin/nginx")) == 0
}

test_near_miss_names if {
	every source in ["/usr/bin/sh", "/opt/install.sh/run", "/usr/bin/python3.11", "/usr/bin/node", null] {
		count(_found(source)) == 0
	}
}

test_near_miss_target if {
	count(script_source.violation) == 0 with input as fixtures.with_rules([fixtures.path("process", 0, "/docker-entrypoint.sh")])
}
