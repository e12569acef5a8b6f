package hauberk.lib.programs_test

import data.hauberk.lib.fixtures
import data.hauberk.lib.programs

test_tables_do_not_overlap if {
	count(programs.builtins & programs.twins) == 0
	count(programs.unmistakable - programs.builtins) == 0
}

test_needed if {
	every text in ["/bin/", "/usr/sbin/", "/lib/", "/lib64/", "/usr/lib/x86_64-linux-gnu/"] {
		programs.needed(fixtures.name("dir", text, ""), false)
	}
	programs.needed(fixtures.name("dir", "/", ""), true)
	not programs.needed(fixtures.name("dir", "/", ""), false)
	not programs.needed(fixtures.name("path", "/lib/x", ""), false)
	not programs.needed(fixtures.name("dir", "/usr/libexec2/", ""), true)
}

test_interpreter if {
	every name in ["sh", "bash", "busybox", "python3", "python3.11", "perl5.36.0", "node", "gawk"] {
		programs.interpreter(name)
	}
	every name in ["nginx", "python-config", "shred", "nodectl", "bash-completion", "awkward"] {
		not programs.interpreter(name)
	}
}
