# METADATA
# title: path-and-execname
# description: |
#   A process rule with both path and execname. KubeArmor ignores the path: every program of that name
#   matches, wherever it stands. hauberk asks for both (a warning).
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB206.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB206
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Keep path for one program, or execname for every program of that name.
package hauberk.rules.dead.path_and_execname

violation contains v if {
	"kubearmor" in input.target
	some rule in input.policy.rules
	both := _both(rule)
	path := both.path.text
	execname := both.execname.text
	v := {
		"id": "HB206",
		"model": "kubearmor",
		"pointer": both.path.pointer,
		"message": $"KubeArmor ignores path when execname is given: any program named {execname} matches, not just {path}",
		"hint": "keep path alone, or execname alone",
	}
}

violation contains v if {
	not "kubearmor" in input.target
	some rule in input.policy.rules
	both := _both(rule)
	v := {
		"id": "HB206",
		"severity": "warning",
		"model": "hauberk",
		"pointer": both.execname.pointer,
		"message": _both_must_match(both.path, both.execname.text),
		"hint": "keep path alone, or execname alone",
	}
}

_both(rule) := {"path": path, "execname": execname} if {
	rule.section == "process"
	count(rule.targets) == 2
	some path in rule.targets
	path.field == "path"
	some execname in rule.targets
	execname.field == "execname"
}

_both_must_match(path, execname) := $"path and execname must both match: {text} is never named {execname}, so the rule matches nothing" if {
	path.name != execname
	not contains(path.text, "*")
	text := path.text
} else := $"path and execname must both match: execname {execname} adds nothing to this path" if {
	path.name == execname
} else := $"path and execname must both match: only programs named {execname} that fit {text} do" if {
	text := path.text
}
