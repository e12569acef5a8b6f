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

_in_image(source, changes) := found if {
	rule := fixtures.from(fixtures.path("file", 0, "/etc/passwd"), [source])
	name := fixtures.image_name("/spec/file/matchPaths/0/fromSource/0/path", source, changes)
	found := script_source.violation with input as fixtures.in_image(fixtures.with_rules([rule]), {"names": [name]})
}

test_bad_script_in_the_image if {
	some v in _in_image("/entrypoint", {"program": "script", "interpreters": ["/usr/bin/env", "/usr/bin/python3.11"]})
	v.message == "/entrypoint is a script in the image web: the kernel sees /usr/bin/python3.11 as the source, so this rule does not apply to it"
	startswith(v.hint, "write /usr/bin/python3.11, which")
}

test_bad_script_without_its_interpreter if {
	found := _in_image("/entrypoint.sh", {"program": "script"})
	count(found) == 1
	some v in found
	contains(v.message, "the kernel sees its interpreter as the source")
}

test_near_miss_program_of_such_a_name if {
	count(_in_image("/opt/main.py", {})) == 0
}

test_bad_name_that_the_image_lacks if {
	some v in _in_image("/opt/main.py", {"program": null, "found": null})
	contains(v.message, "looks like a script")
}
