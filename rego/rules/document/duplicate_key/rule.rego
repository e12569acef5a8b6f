# METADATA
# title: duplicate-key
# description: |
#   A mapping has the same key twice. kubectl silently takes the last one, so the first value, often a
#   whole list of rules, is lost. kustomize, and so Flux, refuses such a file.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB102.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB102
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Merge the two into one, or remove the one that is not meant.
package hauberk.rules.document.duplicate_key

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	problem.kind == "duplicate-key"
	base := {
		"id": "HB102",
		"severity": problem.detail.severity,
		"pointer": problem.pointer,
		"message": problem.message,
		"hint": _hint(problem),
	}
	v := object.union(object.union(base, rules.placed(problem)), _fix(problem))
}

_hint(problem) := $"check the indentation of {key}" if {
	key := problem.detail.nearest
	key != null
} else := "remove one of the two" if {
	_equal(problem)
} else := $"keep the {name} that is meant, or join both in one" if {
	name := problem.detail.name
}

_equal(problem) if problem.detail.keyword in {"same", "same-line"}

# The two are equal, so it does not matter that the second is the one that goes.
_fix(problem) := {"fix": {"safety": "safe", "edits": [{"op": "text", "position": line, "text": ""}]}} if {
	problem.detail.keyword == "same-line"
	problem.position != null
	line := {
		"line": problem.position.line,
		"column": 1,
		"endLine": problem.position.line + 1,
		"endColumn": 1,
	}
} else := {}
