# METADATA
# title: schema-violation
# description: |
#   A required field is missing, or a value has another type, range or form than the CRD accepts. The
#   API server refuses the policy. A field without a value (null) is dropped by client-side apply and
#   refused by server-side apply.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB104.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB104
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Give the value that the finding asks for.
package hauberk.rules.document.schema_violation

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	problem.kind == "schema"
	not _path_form(problem.detail)
	base := {
		"id": "HB104",
		"severity": problem.detail.severity,
		"pointer": problem.pointer,
		"message": problem.message,
		"hint": _hint(problem),
	}
	v := object.union(object.union(base, rules.placed(problem)), _fix(problem))
}

violation contains v if {
	some problem in input.problems
	problem.kind == "null"
	v := object.union(
		object.union(
			{"id": "HB104", "severity": problem.detail.severity, "pointer": problem.pointer},
			rules.placed(problem),
		),
		_null(problem),
	)
}

# Dropping the field leaves a policy that lacks it, so there is nothing to remove.
_null(problem) := {"message": problem.message, "hint": "give it a value"} if {
	_last(problem.pointer) in _often_required
	not _left_outside(problem)
} else := {
	"message": problem.message,
	"hint": $"indent what belongs to it below {name}",
} if {
	_left_outside(problem)
	name := _last(problem.pointer)
} else := {"message": problem.message, "hint": "give it a value"} if {
	problem.pointer == "/spec"
} else := object.union(
	{
		"message": _refused(problem),
		"hint": $"write {name}: {value}",
	},
	_emptied(problem),
) if {
	# Without the field its parent would be the next null.
	value := problem.detail.canonical
	value != null
	name := _last(problem.pointer)
} else := {
	"message": _refused(problem),
	"hint": "remove the field, or give it a value",
	"fix": {"safety": "safe", "edits": [{"op": "remove", "pointer": problem.pointer}]},
}

_refused(problem) := $"{problem.message}: client-side apply drops it, server-side apply (Flux, Argo CD with ServerSideApply) refuses the policy"

# Fields that nobody knows stand beside it: what is meant to be its content has too little indentation.
_left_outside(problem) if {
	_last(problem.pointer) in _mappings
	some other in input.problems
	other.kind == "unknown-field"
	_parent(other.pointer) == _parent(problem.pointer)
}

_mappings := {
	"metadata", "spec", "selector", "nodeSelector", "matchLabels", "process", "file", "network", "capabilities",
	"syscalls", "device",
}

_parent(pointer) := trim_suffix(pointer, $"/{last}") if {
	last := _last(pointer)
}

_empty := {"[]": [], "{}": {}}

_emptied(problem) := {"fix": {"safety": "safe", "edits": [{"op": "text", "position": place, "text": $" {value}"}]}} if {
	problem.detail.text == ""
	value := problem.detail.canonical
	end := problem.position
	place := {
		"line": end.endLine,
		"column": end.endColumn + 1,
		"endLine": end.endLine,
		"endColumn": end.endColumn + 1,
	}
} else := {"fix": {
	"safety": "safe",
	"edits": [{"op": "replace", "pointer": problem.pointer, "value": value}],
}} if {
	problem.detail.text == "~"
	value := _empty[problem.detail.canonical]
} else := {}

_last(pointer) := parts[count(parts) - 1] if {
	parts := split(pointer, "/")
}

_often_required := {
	"apiVersion", "kind", "metadata", "nodeSelector", "path", "dir", "pattern", "protocol", "domain", "capability",
	"class", "cidr", "ipBlock", "port", "",
}

# A path that only has to be written in its canonical form: HB210 says so.
_path_form(detail) if {
	detail.keyword == "pattern"
	detail.canonical != null
	detail.canonical != detail.text
}

_case(detail) if {
	detail.keyword == "enum"
	detail.nearest != null
	lower(detail.nearest) == lower(detail.text)
}

_hint(problem) := $"write {nearest}" if {
	problem.detail.keyword == "enum"
	problem.detail.nearest != null
	nearest := problem.detail.nearest
} else := $"add {name}" if {
	problem.detail.keyword == "required"
	name := problem.detail.name
} else := "write one of the names that the field accepts" if {
	problem.detail.keyword == "enum"
} else := "write it as the field's type asks" if {
	problem.detail.keyword == "type"
} else := "stay within the limit" if {
	problem.detail.keyword in {"minimum", "maximum", "maxLength", "maxItems"}
} else := "write it in the form that the field asks for"

_fix(problem) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "replace", "pointer": problem.pointer, "value": problem.detail.nearest}],
}} if {
	_case(problem.detail)
} else := {}
