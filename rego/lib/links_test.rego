package hauberk.lib.links_test

import data.hauberk.lib.fixtures
import data.hauberk.lib.links

_link(field, text) := links.link(fixtures.name(field, text, ""), false)

test_merged if {
	_link("path", "/bin/sh") == {"kind": "merged", "to": "/usr/bin/sh"}
	_link("dir", "/lib64/") == {"kind": "merged", "to": "/usr/lib64/"}
	_link("dir", "/sbin/").to == "/usr/sbin/"
}

test_moved if {
	_link("path", "/var/run/docker.sock") == {"kind": "run", "to": "/run/docker.sock"}
	_link("path", "/proc/self/environ").to == "/proc/<pid>/environ"
	_link("path", "/dev/stdout").kind == "descriptor"
	_link("path", "/etc/mtab").kind == "mtab"
}

test_projected if {
	_link("path", "/run/secrets/kubernetes.io/serviceaccount/token").kind == "projected"
	_link("dir", "/run/secrets/kubernetes.io/serviceaccount/").kind == "projected"
	every recursive in [true, false] {
		links.link(fixtures.name("dir", "/var/run/secrets/kubernetes.io/serviceaccount/", ""), recursive).kind == "run"
	}
}

test_no_link if {
	every text in ["/usr/bin/sh", "/binary/x", "/bin", "/var/runner/x", "/proc/1/environ", "/dev/fd", "/run/secrets/x", "/"] {
		not _link("path", text)
	}
	not links.link(fixtures.name("dir", "/run/secrets/kubernetes.io/serviceaccount/", ""), true)
}
