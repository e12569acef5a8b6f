# METADATA
# title: glob-in-path
# description: |
#   A glob character in a path or directory. KubeArmor's BPF-LSM enforcer compares them byte by byte, so
#   `*` stands for itself. hauberk takes a path with `*` as a pattern; in directories and sources it is
#   literal there too.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB209.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB209
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Use matchDirectories for what a directory holds; list the names otherwise.
package hauberk.rules.dead.glob_in_path

import data.hauberk.lib.text

violation contains v if {
	some group in {item.group | some item in _items}
	members := [item | some item in _items; item.group == group]
	some finding in _findings(group, members)
	v := object.union(_model(group), finding)
}

_items := array.concat(_targets, _sources)

_targets := [item |
	some rule in input.policy.rules
	some target in rule.targets
	target.field in {"path", "dir"}
	count(target.globs) > 0
	kubearmor := _pattern_for_hauberk(target)
	_reported(kubearmor)
	item := {
		"group": {
			"list": $"{rule.section}.{rule.list}",
			"severity": _severity(target),
			"what": target.field,
			"kubearmor": kubearmor,
		},
		"name": target,
		"hint": _hint(rule, target),
	}
]

_sources := [item |
	some rule in input.policy.rules
	some source in rule.sources
	count(source.path.globs) > 0
	item := {
		"group": {
			"list": $"{rule.section}.{rule.list}",
			"severity": _severity(source.path),
			"what": "source",
			"kubearmor": false,
		},
		"name": source.path,
		"hint": "name the programs one by one",
	}
]

# hauberk reads a path with * as a pattern.
_pattern_for_hauberk(target) if {
	target.field == "path"
	contains(target.text, "*")
} else := false

_reported(false)

_reported(true) if "kubearmor" in input.target

_model(group) := {"model": "kubearmor"} if group.kubearmor

_model(group) := {} if not group.kubearmor

_few := 3

_findings(group, members) := [finding] if {
	count(members) > _few
	number := count(members)
	things := _nouns[group.what]
	shown := text.listing(sort({name | some item in members; name := item.name.text}))
	list := group.list
	literally := _literally(group)
	finding := {
		"id": "HB209",
		"severity": group.severity,
		"pointer": members[0].name.pointer,
		"message": $"{literally} in {number} {things} of {list}: {shown}",
		"hint": _group_hint(members),
	}
} else := [finding |
	some item in members
	finding := {
		"id": "HB209",
		"severity": group.severity,
		"pointer": item.name.pointer,
		"message": _message(group, item.name),
		"hint": item.hint,
	}
]

_nouns := {"path": "paths", "dir": "directories", "source": "sources"}

# Square brackets and braces do occur in names ([id].js, /usr/bin/[): only a pair of them looks like a glob.
_severity(name) := "error" if {
	some glob in name.globs
	glob in {"*", "?"}
} else := "warning" if {
	regex.match(`\[[^/\]]+\]|\{[^/}]*,[^/}]*\}`, name.text)
}

_literally(group) := "KubeArmor (BPF-LSM) takes glob characters literally" if {
	group.kubearmor
} else := "glob characters stand for themselves"

_message(group, name) := $"KubeArmor (BPF-LSM) takes {globs} literally: {name.text} matches only a file really called so" if {
	group.kubearmor
	globs := concat(" ", name.globs)
} else := $"{globs} stands for itself in a source: no program is really called {name.text}" if {
	group.what == "source"
	globs := concat(" ", name.globs)
} else := $"{globs} stands for itself here: {name.text} matches only {what} really called so" if {
	globs := concat(" ", name.globs)
	what := {"path": "a file", "dir": "a directory"}[name.field]
}

# Audit rules are compared in user space, where patterns are read; these have no fromSource, pts or allowedArgs.
_audited(rule) if {
	rule.action == "Audit"
	rule.sources == []
	rule.pts != false
	rule.allowedArgs == []
}

_hint(rule, target) := "move it to matchPatterns: Audit rules read patterns on every node" if {
	_audited(rule)
	target.field in {"path", "dir"}
} else := $"write matchDirectories with dir: {folder} and recursive: true" if {
	target.field == "path"
	endswith(target.text, "/**")
	folder := trim_suffix(target.text, "**")
	not contains(folder, "*")
} else := $"write matchDirectories with dir: {folder}" if {
	target.field == "path"
	endswith(target.text, "/*")
	folder := trim_suffix(target.text, "*")
	not contains(folder, "*")
} else := $"write dir: {folder} with recursive: true, or list the directories" if {
	target.field == "dir"
	folder := concat("", [split(target.text, "*")[0]])
	endswith(folder, "/")
	contains(target.text, "*")
} else := "list the names one by one" if {
	count(rule.sources) > 0
} else := "list the names one by one; hauberk and AppArmor nodes also read matchPatterns"

# The hint of the first that is not to be listed name by name.
_group_hint(members) := $"for {name}: {better[0].hint}" if {
	better := [item | some item in members; not startswith(item.hint, "list the names"); not item.group.what == "source"]
	count({item.hint | some item in members}) > 1
	count(better) > 0
	name := better[0].name.text
} else := members[0].hint
