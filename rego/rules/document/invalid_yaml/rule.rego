# METADATA
# title: invalid-yaml
# description: |
#   The text is not YAML that a cluster can read, or not YAML that every tool on the way reads the same:
#   syntax errors, unknown tags, other encodings than UTF-8, too deep or too large documents, alias
#   bombs, tabs as white space, merge keys.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB101.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB101
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Correct the text at the place that the finding names.
package hauberk.rules.document.invalid_yaml

import data.hauberk.lib.rules

violation contains v if {
	some problem in input.problems
	startswith(problem.kind, "yaml-")
	base := {
		"id": "HB101",
		"severity": problem.detail.severity,
		"pointer": problem.pointer,
		"message": problem.message,
		"hint": _hints[problem.kind],
	}
	v := object.union(object.union(base, rules.placed(problem)), _fix(problem))
}

_hints := {
	"yaml-syntax": "correct the syntax here; the cause is often the indentation or a quote one line above",
	"yaml-tab": "write spaces",
	"yaml-tag": "remove the tag: a policy holds plain text, numbers, true and false only",
	"yaml-alias": "write the values out",
	"yaml-encoding": "save the file as UTF-8 without control characters",
	"yaml-size": "split the policy",
	"yaml-depth": "write it less deep: no policy needs that many levels",
	"yaml-merge": "write the merged fields out",
}

# Only tabs: a run of them becomes as many spaces.
_fix(problem) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "text", "position": problem.position, "text": concat("", spaces)}],
}} if {
	problem.kind == "yaml-tab"
	problem.position != null
	spaces := [" " | some _ in numbers.range(1, problem.position.endColumn - problem.position.column)]
} else := {}
