# METADATA
# title: Well-known links
# description: Paths that hold a link on usual images, and what the kernel sees instead of them.
# scope: package
package hauberk.lib.links

_merged := {"bin", "sbin", "lib", "lib64", "lib32"}

_moved := {
	"/usr/bin/X11/": {"kind": "x11", "to": "/usr/bin/"},
	"/var/run/": {"kind": "run", "to": "/run/"},
	"/var/lock/": {"kind": "lock", "to": "/run/lock/"},
	"/proc/self/": {"kind": "proc", "to": "/proc/<pid>/"},
	"/proc/thread-self/": {"kind": "proc", "to": "/proc/<pid>/task/<tid>/"},
	"/dev/fd/": {"kind": "descriptor", "to": "/proc/<pid>/fd/"},
}

_files := {
	"/dev/stdin": {"kind": "descriptor", "to": "/proc/<pid>/fd/0"},
	"/dev/stdout": {"kind": "descriptor", "to": "/proc/<pid>/fd/1"},
	"/dev/stderr": {"kind": "descriptor", "to": "/proc/<pid>/fd/2"},
	"/etc/mtab": {"kind": "mtab", "to": "/proc/<pid>/mounts"},
}

_account_folder := "/run/secrets/kubernetes.io/serviceaccount/"

_accounts := [
	_account_folder,
	"/var/run/secrets/kubernetes.io/serviceaccount/",
]

# kind and new text of a path or dir that goes through a link; undefined for all others.
link(name, recursive) := {"kind": "projected", "to": $"{account}..<timestamp>/{rest}"} if {
	account := _account(name, recursive)
	rest := trim_prefix(name.text, account)
} else := {"kind": "merged", "to": $"/usr{text}"} if {
	parts := split(name.text, "/")
	count(parts) > 2
	parts[1] in _merged
	text := name.text
} else := _files[name.text] if {
	name.field == "path"
} else := {"kind": found.kind, "to": $"{start}{rest}"} if {
	some prefix, found in _moved
	startswith(name.text, prefix)
	start := found.to
	rest := trim_prefix(name.text, prefix)
}

# Files of a projected volume are links into a directory that changes its name with every update.
_account(name, _) := account if {
	name.field == "path"
	some account in _accounts
	startswith(name.text, account)
}

# Spelt with /var the folder itself goes through a link.
_account(name, false) := _account_folder if {
	name.field == "dir"
	name.text == _account_folder
}
