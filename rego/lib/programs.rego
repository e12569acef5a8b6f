# METADATA
# title: Names of programs
# description: Shell builtins, interpreters and the folders that programs stand in.
# scope: package
package hauberk.lib.programs

# Where a program of a builtin's name would be looked for. Elsewhere (/opt, /app) it is somebody's own program.
folders := {"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"}

# Without reading these folders hardly a program starts, or hardly one works: names, users and certificates.
needed(target, _) if {
	target.field == "dir"
	target.text in (folders | _settings)
}

needed(target, _) if {
	target.field == "dir"
	regex.match(`^(/usr)?/lib(32|64|x32)?/`, target.text)
}

needed(target, true) if {
	target.field == "dir"
	target.text in {"/", "/usr/"}
}

_settings := {"/etc/", "/etc/ssl/", "/etc/ssl/certs/", "/etc/pki/", "/etc/ca-certificates/", "/usr/share/ca-certificates/"}

# The shell does these itself, always: a program cannot change the state of the shell that started it.
# Some distributions ship scripts of these names for the letter of POSIX; a script's executable is its shell.
builtins := {
	".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "command", "compgen", "complete", "continue",
	"declare", "dirs", "disown", "enable", "eval", "exec", "exit", "export", "fc", "fg", "getopts", "hash", "history",
	"jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "return", "set",
	"shift", "shopt", "source", "suspend", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset",
	"wait",
}

# Names of `builtins` that nobody gives a program of their own: an execname has no folder to tell them apart.
unmistakable := {
	"alias", "bg", "builtin", "cd", "compgen", "declare", "disown", "eval", "exec", "export", "fg", "getopts", "mapfile",
	"popd", "pushd", "readarray", "readonly", "set", "shift", "shopt", "trap", "typeset", "ulimit", "umask", "unalias",
	"unset",
}

# Shells run their own; the program exists too and other programs start it.
twins := {"[", "echo", "false", "kill", "printf", "pwd", "test", "true"}

_shells := {"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "pwsh", "sh", "tcsh", "toybox", "zsh"}

# What the program does is decided by a file or text that it is given.
interpreter(name) if name in _shells

interpreter(name) if {
	startswith(name, _languages[_])
	regex.match(`^(python|perl|ruby|php|lua|luajit|node|nodejs|tclsh|awk|gawk|mawk)[0-9.]*$`, name)
}

_languages := ["python", "perl", "ruby", "php", "lua", "node", "tclsh", "awk", "gawk", "mawk"]
