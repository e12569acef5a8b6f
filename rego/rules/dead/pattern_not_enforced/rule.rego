# METADATA
# title: pattern-not-enforced
# description: |
#   A rule under matchPatterns with Block or Allow. KubeArmor's BPF-LSM enforcer does not read patterns:
#   such a rule blocks nothing, allows nothing and turns no allow-list on.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB208.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB208
#   severity: error
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Write directories or paths instead; /x/** is dir /x/ with recursive, /x/* is dir /x/.
package hauberk.rules.dead.pattern_not_enforced

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	some group in _groups
	rules_of_group := [rule | some rule in _rules; rule.section == group.section; rule.action == group.action]
	some finding in _findings(rules_of_group, _effects[group.action])
	v := finding
}

_rules := [rule |
	some rule in input.policy.rules
	rule.list == "matchPatterns"
	rules.decides(rule)
]

_groups := {{"section": rule.section, "action": rule.action} | some rule in _rules}

_effects := {
	"Block": {"one": "blocks nothing", "many": "block nothing"},
	"Allow": {"one": "allows nothing and turns no allow-list on", "many": "allow nothing and turn no allow-list on"},
}

_few := 3

_findings(patterns, effect) := [finding] if {
	count(patterns) > _few
	number := count(patterns)
	list := text.listing([subject | some rule in patterns; subject := rules.subject(rule)])
	section := patterns[0].section
	finding := {
		"id": "HB208",
		"pointer": $"{patterns[0].pointer}/pattern",
		"message": $"KubeArmor's BPF-LSM enforcer does not read matchPatterns: {number} patterns of {section} {effect.many} ({list})",
		"hint": _instead_of(patterns),
	}
} else := [finding |
	some rule in patterns
	pattern := rules.subject(rule)
	shown := _shown(pattern)
	finding := {
		"id": "HB208",
		"pointer": $"{rule.pointer}/pattern",
		"message": $"KubeArmor's BPF-LSM enforcer does not read matchPatterns: {shown} {effect.one}",
		"hint": _instead(pattern, rule.section),
	}
]

_instead_of(patterns) := "write matchDirectories (/x/** is dir: /x/ with recursive: true, /x/* is dir: /x/) or matchPaths" if {
	some rule in patterns
	_instead(rules.subject(rule), rule.section) != _one_by_one
} else := _one_by_one

_shown(pattern) := pattern if pattern != ""

_shown("") := "an empty pattern"

_instead(pattern, section) := $"write matchDirectories with dir: {folder} and recursive: true" if {
	endswith(pattern, "/**")
	folder := trim_suffix(pattern, "**")
	_plain(folder)
} else := $"write matchDirectories with dir: {folder}" if {
	endswith(pattern, "/*")
	folder := trim_suffix(pattern, "*")
	_plain(folder)
} else := $"write matchPaths with path: {pattern}" if {
	_plain(pattern)
	not endswith(pattern, "/")
} else := $"write matchPaths with execname: {name} (any folder)" if {
	section == "process"
	startswith(pattern, "/**/")
	name := trim_prefix(pattern, "/**/")
	regex.match(`^[A-Za-z0-9._+-]+$`, name)
} else := _one_by_one

_one_by_one := "list the paths or directories one by one"

_plain(path) if regex.match(`^/[^*?\[\]{}\\]*$`, path)
