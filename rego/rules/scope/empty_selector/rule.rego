# METADATA
# title: empty-selector
# description: |
#   A policy without a selector selects everything in its reach: a KubeArmorPolicy every pod of its
#   namespace, a KubeArmorClusterPolicy every pod of the cluster. With Allow rules all of them are put
#   on an allow-list.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB501.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB501
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Select the workload by its labels, or keep the empty selector knowingly.
package hauberk.rules.scope.empty_selector

import data.hauberk.lib.text

violation contains v if {
	selector := input.policy.selector
	_labels == []
	selector.expressions == []
	_says_something
	not _unreadable
	what := _what
	without := _without
	v := {
		"id": "HB501",
		"pointer": _pointer(selector),
		"message": $"{without}the selector is empty: the policy applies to {what}",
		"hint": _hint,
	}
}

# A cluster policy has no matchLabels: HB103 reports them.
_labels := [] if {
	input.policy.kind == "KubeArmorClusterPolicy"
} else := input.policy.selector.matchLabels

_dropped := [problem |
	some problem in input.problems
	problem.kind == "unknown-field"
	startswith(problem.pointer, "/spec/selector/")
]

_dropped_names := [name | some problem in _dropped; name := problem.detail.name]

_without := $"without the unknown {fields} {names} (HB103) " if {
	count(_dropped) > 0
	fields := _fields(count(_dropped))
	names := text.listing(_dropped_names)
} else := ""

# HB108 reports a policy without any rule.
_says_something if input.policy.rules != []

_says_something if input.policy.presets != []

_says_something if input.policy.syscalls != []

# The selector has a value that the schema refuses: HB104 reports it, and nothing is selected.
_unreadable if {
	some problem in input.problems
	problem.kind == "schema"
	startswith(problem.pointer, "/spec/selector")
}

_fields(number) := "field" if number == 1

_fields(number) := "fields" if number > 1

# Labels that were written beside matchLabels instead of in it.
_moved := [name |
	some problem in _dropped
	name := problem.detail.name
	nearest := problem.detail.nearest
	not is_null(nearest)
	endswith(nearest, $"matchLabels.{name}")
]

_pointer(selector) := selector.pointer if selector.written

_pointer(selector) := "/spec" if not selector.written

_what := $"every pod of namespace {name}" if {
	input.policy.kind == "KubeArmorPolicy"
	input.policy.namespace != null
	name := input.policy.namespace
} else := "every pod of the namespace it is applied to" if {
	input.policy.kind == "KubeArmorPolicy"
} else := "every pod of every namespace" if {
	input.policy.kind == "KubeArmorClusterPolicy"
}

_hint := $"move {names} under matchLabels" if {
	_moved != []
	names := text.listing(_moved)
} else := $"rename {name} to matchLabels" if {
	input.policy.kind == "KubeArmorPolicy"
	some problem in _dropped
	problem.detail.nearest == "matchLabels"
	name := problem.detail.name
} else := "add matchLabels, e.g. app: web" if {
	input.policy.kind == "KubeArmorPolicy"
} else := "add matchExpressions with key namespace or label"
