# METADATA
# title: builtin
# description: |
#   A shell builtin (`cd`, `export`, `source`, ...) as the source or target of a rule. The shell does it
#   itself: no program of that name is executed, so the rule never sees it. For builtins with a twin on
#   disk (`echo`, `kill`, ...) a Block rule stops the twin only, and the finding is a warning.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB203.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB203
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Remove the rule, or name the program that really does the work; for a builtin that is the shell itself.
package hauberk.rules.dead.builtin

import data.hauberk.lib.programs

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	_builtin_file(source.path)
	name := source.path.name
	path := source.path.text
	effect := _effect(count(rule.sources))
	v := {
		"id": "HB203",
		"pointer": source.path.pointer,
		"message": $"{name} is a shell builtin: nothing ever runs as {path}, so {effect}",
		"hint": "remove it, or name the program that really does this; what a builtin does, the shell does (/usr/bin/bash)",
	}
}

violation contains v if {
	some rule in input.policy.rules
	rule.section == "process"
	some target in rule.targets
	_builtin_target(target)
	name := target.name
	v := {
		"id": "HB203",
		"pointer": target.pointer,
		"message": $"{name} is a shell builtin: the shell does it without executing a program, so this rule never sees it",
		"hint": "remove the rule; to control a builtin, control the shell that has it",
	}
}

violation contains v if {
	some rule in input.policy.rules
	rule.section == "process"
	rule.action == "Block"
	some target in rule.targets
	target.name in programs.twins
	_twin_target(target)
	name := target.name
	v := {
		"id": "HB203",
		"severity": "warning",
		"pointer": target.pointer,
		"message": $"shells have {name} built in and do not execute {target.text}: this Block stops only other programs that start it",
		"hint": $"to keep a shell from using {name}, block the shell",
	}
}

_effect(1) := "this rule can never apply"

_effect(sources) := "this source never applies" if sources > 1

_builtin_file(path) if {
	path.name in programs.builtins
	trim_suffix(path.canonical, path.name) in programs.folders
}

_builtin_target(target) if {
	target.field == "path"
	_builtin_file(target)
}

_builtin_target(target) if {
	target.field == "execname"
	target.text in programs.unmistakable
}

_twin_target(target) if target.field == "execname"

_twin_target(target) if {
	target.field == "path"
	trim_suffix(target.canonical, target.name) in programs.folders
}
