# METADATA
# title: script-source
# description: |
#   A source that looks like a script. The kernel runs the script's interpreter, so the executable of
#   the task is `/usr/bin/dash` or `/usr/bin/python3`, never the script.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB204.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB204
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Name the interpreter, or the programs that the script starts.
package hauberk.rules.dead.script_source

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	_script(source.path.name)
	name := source.path.name
	v := {
		"id": "HB204",
		"pointer": source.path.pointer,
		"message": $"{name} looks like a script: the kernel sees its interpreter as the source, so this rule does not apply to it",
		"hint": "name the interpreter, or the program that the script starts",
	}
}

_script(name) if regex.match(`\.(sh|bash|ash|zsh|py|pl|rb|js|php)$`, name)
