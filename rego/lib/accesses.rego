# METADATA
# title: Accesses
# description: Sentences about accesses and about the rules that decide them.
# scope: package
package hauberk.lib.accesses

_verbs := {"exec": "runs", "modify": "removes or renames", "read": "reads", "write": "writes"}

# "/usr/bin/bash reads /etc/shadow"
sentence(access) := $"{who} {deed}" if {
	who := actor(access)
	deed := act(access)
}

actor(access) := "a program" if is_null(access.source)

actor(access) := access.source if not is_null(access.source)

# "reads /etc/shadow"
act(access) := $"{verb} {target}" if {
	verb := _verbs[access.op]
	target := access.target
}

act(access) := $"uses {target}" if {
	not _verbs[access.op]
	target := access.target
}

# The models of a finding as its `model` says them, of those that are linted for.
models(names) := "both" if count(asked(names)) == 2

models(names) := asked(names)[0] if count(asked(names)) == 1

asked(names) := [name | some name in names; name in input.target]

# "rule 3 of this policy" would be no use in another file: the id, and whose it is if not this policy's.
rule_name(place, true) := place.rule

rule_name(place, false) := $"{policy} ({id})" if {
	policy := place.policy
	id := place.rule
}
