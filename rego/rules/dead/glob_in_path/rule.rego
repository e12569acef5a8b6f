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

violation contains v if {
	some rule in input.policy.rules
	some target in rule.targets
	target.field in {"path", "dir"}
	count(target.globs) > 0
	severity := _severity(target)
	v := object.union(_model(target), {
		"id": "HB209",
		"severity": severity,
		"pointer": target.pointer,
		"message": _message(target),
		"hint": _hint(target),
	})
}

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	count(source.path.globs) > 0
	severity := _severity(source.path)
	globs := _listed(source.path)
	path := source.path.text
	v := {
		"id": "HB209",
		"severity": severity,
		"pointer": source.path.pointer,
		"message": $"{globs} stands for itself in a source: no program is really called {path}",
		"hint": "name the programs one by one",
	}
}

# Square brackets and braces do occur in names ([id].js, /usr/bin/[): only a pair of them looks like a glob.
_severity(name) := "error" if {
	some glob in name.globs
	glob in {"*", "?"}
} else := "warning" if {
	regex.match(`\[[^/\]]+\]|\{[^/}]*,[^/}]*\}`, name.text)
}

_pattern_for_hauberk(target) if {
	target.field == "path"
	contains(target.text, "*")
}

_model(target) := {} if not _pattern_for_hauberk(target)

_model(target) := {"model": "kubearmor"} if {
	_pattern_for_hauberk(target)
	"kubearmor" in input.target
}

_message(target) := $"KubeArmor (BPF-LSM) takes {globs} literally: {text} matches only {what} really called so" if {
	_pattern_for_hauberk(target)
	globs := _listed(target)
	text := target.text
	what := _what[target.field]
} else := $"{globs} stands for itself here: {text} matches only {what} really called so" if {
	globs := _listed(target)
	text := target.text
	what := _what[target.field]
}

_what := {"path": "a file", "dir": "a directory"}

_listed(name) := concat(" ", name.globs)

_hint(target) := $"write matchDirectories with dir: {folder} and recursive: true" if {
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
} else := "list the names one by one; hauberk and AppArmor nodes also read matchPatterns"
