package hauberk.lib.programs_test

import data.hauberk.lib.programs

test_tables_do_not_overlap if {
	count(programs.builtins & programs.twins) == 0
	count(programs.unmistakable - programs.builtins) == 0
}

test_interpreter if {
	every name in ["sh", "bash", "busybox", "python3", "python3.11", "perl5.36.0", "node", "gawk"] {
		programs.interpreter(name)
	}
	every name in ["nginx", "python-config", "shred", "nodectl", "bash-completion", "awkward"] {
		not programs.interpreter(name)
	}
}
