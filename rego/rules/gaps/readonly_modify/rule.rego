# METADATA
# title: readonly-modify
# description: |
#   Allow with readOnly denies writing, but KubeArmor does not look at readOnly when a file is removed,
#   renamed, linked, truncated by path or its mode changed. All of these still pass.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB414.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB414
#   severity: warning
#   models: [kubearmor]
#   needs: none
#   fix: none
#   recommended_action: Mount the files read-only, or enforce the policy with hauberk, where readOnly covers these.
package hauberk.rules.gaps.readonly_modify

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	lax := [rule |
		some rule in input.policy.rules
		rule.readOnly
		rule.section == "file"
		rule.action == "Allow"
		rule.list != "matchPatterns"
		not rule.ownerOnly
		rule.pts != false
		not _never_asked(rule)
	]
	count(lax) > 0
	first := lax[0]
	subjects := text.listing([subject | some rule in lax; subject := rules.subject(rule)])
	v := {
		"id": "HB414",
		"pointer": $"{first.pointer}/readOnly",
		"message": $"under KubeArmor readOnly does not stop removing, renaming, creating and chmod: {subjects}",
		"hint": "mount the files read-only (readOnlyRootFilesystem, readOnly volume mounts); hauberk denies these too",
	}
}

# KubeArmor asks recursive directories first, so one above this directory decides for the same sources.
_never_asked(rule) if {
	rule.list == "matchDirectories"
	not rule.recursive
	scope := _scope(rule)
	count(scope) > 0
	every one in scope {
		some other in input.policy.rules
		one in _scope(other)
		_recursive_above(other, rule)
	}
}

# Those the rule holds for, where "" is everybody.
_scope(rule) := {""} if rule.sources == []

_scope(rule) := {source.path.text | some source in rule.sources} if rule.sources != []

_recursive_above(other, rule) if {
	other.section == rule.section
	other.list == "matchDirectories"
	other.recursive
	rules.decides(other)
	some above in other.targets
	some target in rule.targets
	above.canonical != target.canonical
	startswith(target.canonical, above.canonical)
}
