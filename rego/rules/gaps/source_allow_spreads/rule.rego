# METADATA
# title: source-allow-spreads
# description: |
#   All Allow rules of a domain name sources. One of them puts the whole container on the allow-list of
#   that domain, so every other program falls under the posture.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB403.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB403
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Add rules for the other programs, or use Block rules with the source instead.
package hauberk.rules.gaps.source_allow_spreads

import data.hauberk.lib.rules

violation contains v if {
	some domain in {list.domain | some list in _lists}
	first := [rule |
		some rule in input.policy.rules
		rule.pointer in {pointer | some list in _lists; list.domain == domain; some pointer in list.own}
	][0]
	what := _what[domain]
	effect := _effect(domain)
	scope := _scope
	v := {
		"id": "HB403",
		"pointer": rules.action_pointer(first),
		"message": $"only named sources are allowed {what}, but the allow-list holds for the whole {scope}: for all other programs this is {effect}",
		"hint": "add rules for the other programs, or forbid the named ones what they must not do (Block with fromSource)",
	}
}

_lists := [list |
	some workload in input.workloads
	some list in workload.allowLists
	not list.everybody
	count(list.own) > 0
]

_scope := "node" if {
	input.policy.kind == "KubeArmorHostPolicy"
} else := "container"

_what := {
	"process": "to start programs",
	"file": "to open files",
	"network": "to open sockets",
	"dns": "to look up names",
	"capabilities": "to use capabilities",
}

_effect(domain) := "denied (posture block)" if {
	_postures(domain) == {"block"}
} else := "reported (posture audit)" if {
	_postures(domain) == {"audit"}
} else := "denied or reported, by their posture"

_postures(domain) := {list.posture | some list in _lists; list.domain == domain}
