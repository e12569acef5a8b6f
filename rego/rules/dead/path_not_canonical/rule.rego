# METADATA
# title: path-not-canonical
# description: |
#   A path or directory that is not written as the kernel writes it: doubled slashes, `.` or `..` as a
#   part, blanks at the ends, no leading slash, a final slash too few or too many. Paths are compared
#   byte by byte, so such a rule never matches what was meant.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB210.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB210
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Write the canonical path; the finding names it.
package hauberk.rules.dead.path_not_canonical

violation contains v if {
	some rule in input.policy.rules
	some target in rule.targets
	target.text != target.canonical
	v := _finding(target, "this rule")
}

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	source.path.text != source.path.canonical
	v := _finding(source.path, "this source")
}

_finding(name, what) := object.union(
	{
		"id": "HB210",
		"pointer": name.pointer,
		"message": message,
		"fix": {"safety": fix.safety, "edits": [{"op": "replace", "pointer": name.pointer, "value": name.canonical}]},
	},
	{"hint": fix.hint},
) if {
	message := _message(name, what)
	fix := _fix(name)
}

_message(name, what) := $"{text} has no final slash: the API server refuses it, and outside Kubernetes KubeArmor covers nothing below it" if {
	_slash_missing(name)
	text := name.text
} else := $"{text} ends with a slash: the API server refuses it, and {what} never matches" if {
	_slash_surplus(name)
	text := name.text
} else := $"{text} does not start with a slash: the API server refuses it, and {what} never matches" if {
	not startswith(name.text, "/")
	trim_space(name.text) == name.text
	text := name.text
} else := $"{text} has blanks at an end: the kernel compares byte by byte, so {what} never matches" if {
	trim_space(name.text) != name.text
	text := json.marshal(name.text)
} else := $"{text} is not how the kernel writes this path: {what} never matches" if {
	text := name.text
}

_slash_missing(name) if {
	name.field == "dir"
	$"{name.text}/" == name.canonical
}

_slash_surplus(name) if {
	name.field == "path"
	name.text == $"{name.canonical}/"
}

# A directory written as a path may be meant as the directory: the text alone does not say.
_fix(name) := {"safety": "unsafe", "hint": $"write {canonical}, or matchDirectories with dir: {text} for what it holds"} if {
	_slash_surplus(name)
	canonical := name.canonical
	text := name.text
} else := {"safety": "safe", "hint": $"write {canonical}"} if {
	canonical := name.canonical
}
