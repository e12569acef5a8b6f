# METADATA
# title: empty-source
# description: |
#   An entry of fromSource without path. KubeArmor installs the rule for everybody, hauberk for nobody.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB212.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB212
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Give the entry a path, or remove fromSource.
package hauberk.rules.dead.empty_source

violation contains v if {
	some rule in input.policy.rules
	some source in rule.sources
	is_null(source.path)
	not _refused(source)
	effect := _effect
	v := {
		"id": "HB212",
		"pointer": source.pointer,
		"message": $"a source without a path: {effect}",
		"hint": _hint(source),
	}
}

_effect := "KubeArmor applies the rule to everybody, hauberk to nobody" if {
	count(input.target) == 2
} else := "KubeArmor applies the rule to everybody" if {
	"kubearmor" in input.target
} else := "no program ever is this source"

_directory(source) if {
	some problem in input.problems
	problem.kind == "unknown-field"
	problem.pointer == $"{source.pointer}/dir"
}

_hint(source) := "name the programs one by one with path: a source cannot be a directory" if {
	_directory(source)
} else := "give path, or remove fromSource if the rule is for everybody"

# The path has a value that the schema refuses: HB104 reports that.
_refused(source) if {
	some problem in input.problems
	problem.kind in {"schema", "null"}
	problem.pointer == $"{source.pointer}/path"
}
