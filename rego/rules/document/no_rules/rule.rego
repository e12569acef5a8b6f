# METADATA
# title: no-rules
# description: |
#   The policy has no rule, preset, syscall or device entry. It selects workloads and then says nothing
#   about them.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB108.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB108
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Add rules, or remove the policy.
package hauberk.rules.document.no_rules

import data.hauberk.lib.text

violation contains v if {
	input.policy.kind != "KubeArmorNetworkPolicy"
	input.policy.rules == []
	input.policy.presets == []
	input.policy.syscalls == []
	input.policy.devices == []
	not input.policy.apparmor
	not _unreadable
	v := {
		"id": "HB108",
		"pointer": "/spec",
		"message": "the policy has no rule: nothing is enforced and nothing reported",
		"hint": _hint,
	}
}

_hint := $"indent {sections} below spec" if {
	count(_outside) > 0
	sections := text.listing(sort(_outside))
} else := $"write {right} instead of {wrong}" if {
	count(_misspelt) > 0
	wrong := sort(object.keys(_misspelt))[0]
	right := _misspelt[wrong]
} else := "add a rule under process, file, network or capabilities, or remove the policy"

# Sections that stand beside spec, where HB103 reports them.
_outside := {section |
	some problem in input.problems
	problem.kind == "unknown-field"
	some section in _sections
	problem.detail.nearest == $"spec.{section}"
}

# Kubernetes tells letter cases apart.
_misspelt[name] := section if {
	some problem in input.problems
	problem.kind == "unknown-field"
	name := problem.detail.name
	problem.pointer == $"/spec/{name}"
	some section in _sections
	lower(name) == section
}

_sections := ["process", "file", "network", "capabilities"]

# A section of the wrong type may well mean rules: HB104 reports it.
_unreadable if {
	some problem in input.problems
	problem.kind == "schema"
	problem.detail.keyword == "type"
	startswith(problem.pointer, "/spec")
}
