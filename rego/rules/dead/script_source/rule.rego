# METADATA
# title: script-source
# description: |
#   A source that looks like a script, or is one in the workload's image (--image). The kernel runs the
#   script's interpreter, so the executable of the task is `/usr/bin/dash` or `/usr/bin/python3`, never
#   the script.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB204.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB204
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: image
#   fix: none
#   recommended_action: Name the interpreter, or the programs that the script starts.
package hauberk.rules.dead.script_source

import data.hauberk.lib.images

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	_script(source.path.name)
	count([item | some item in images.at(source.path.pointer); not is_null(item.program)]) == 0
	name := source.path.name
	v := {
		"id": "HB204",
		"pointer": source.path.pointer,
		"message": $"{name} looks like a script: the kernel sees its interpreter as the source, so this rule does not apply to it",
		"hint": "name the interpreter, or the program that the script starts",
	}
}

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	scripts := [item | some item in images.at(source.path.pointer); item.program == "script"]
	count(scripts) > 0
	image := scripts[0].image
	text := source.path.text
	seen := _seen(scripts[0].interpreters)
	v := {
		"id": "HB204",
		"pointer": source.path.pointer,
		"message": $"{text} is a script in the image {image}: the kernel sees {seen} as the source, so this rule does not apply to it",
		"hint": _hint(scripts[0].interpreters),
	}
}

_seen([]) := "its interpreter"

_seen(interpreters) := interpreters[count(interpreters) - 1] if count(interpreters) > 0

_hint([]) := "name the interpreter, or the program that the script starts"

_hint(interpreters) := $"write {last}, which then holds for every script that it runs, or the program that the script starts" if {
	count(interpreters) > 0
	last := interpreters[count(interpreters) - 1]
}

_script(name) if regex.match(`\.(sh|bash|ash|zsh|py|pl|rb|js|php)$`, name)
