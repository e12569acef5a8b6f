# METADATA
# title: conflicting-actions
# description: |
#   Two rules with the same match and the same source, one Allow and one Block, in one policy or in two
#   that select a common workload. Under hauberk the Block wins; under KubeArmor the one that arrived
#   last.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB301.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB301
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Keep one of the two, or make their matches differ.
package hauberk.rules.conflicts.conflicting_actions

import data.hauberk.lib.rules

violation contains v if {
	some relation in input.relations
	relation.type == "conflict"
	not _said_from_the_other_side(relation)
	some rule in input.policy.rules
	rule.pointer == relation.pointer
	models := _models(rule)
	count(models) > 0
	other := relation.other
	here := rules.subject(rule)
	deeds := _deeds(rule.action, relation)
	where := _where(relation)
	outcome := _outcome(relation, models)
	base := object.union(
		{
			"id": "HB301",
			"pointer": _pointer(rule),
			"message": $"{deeds.this} {here}, and {where} {deeds.other}: {outcome}",
			"hint": "keep one of the two rules, or make their matches differ",
			"related": [{"place": other, "message": deeds.other}],
		},
		_witness(relation),
	)
	v := object.union(base, _model(rule))
}

# KubeArmor does not read patterns at all (HB208).
_models(rule) := {model | some model in input.target} if rule.list != "matchPatterns"

_models(rule) := {model | some model in input.target; model == "hauberk"} if rule.list == "matchPatterns"

_model(rule) := {"model": "hauberk"} if rule.list == "matchPatterns"

_model(rule) := {} if rule.list != "matchPatterns"

# An inherited action has one place for many rules.
_pointer(rule) := $"{rule.pointer}/action" if rule.actionLevel == "rule"

_pointer(rule) := rules.subject_pointer(rule) if rule.actionLevel != "rule"

# Inside one policy both rules have a relation; the later one reports.
_said_from_the_other_side(relation) if {
	relation.samePolicy
	some mirrored in input.relations
	mirrored.type == "conflict"
	mirrored.samePolicy
	mirrored.rule == relation.other.rule
	mirrored.other.rule == relation.rule
	relation.rule < mirrored.rule
}

_deeds("Allow", relation) := {"this": "this rule allows", "other": $"blocks {what}"} if {
	what := object.get({"write": "writing it", "modify": "changing it"}, _op(relation), "the same")
}

_deeds("Block", relation) := {"this": $"this rule blocks{doing}", "other": "allows the same"} if {
	doing := object.get({"write": " writing", "modify": " changing"}, _op(relation), "")
}

# Reading is tried first: a Block shown on more than that is readOnly, and lets reading pass.
_op(relation) := relation.access.op if not is_null(relation.access)

_op(relation) := "" if is_null(relation.access)

_where(relation) := $"{id} of this policy" if {
	relation.samePolicy
	id := relation.other.rule
} else := $"{name} ({id})" if {
	name := relation.other.policy
	id := relation.other.rule
}

_by_hauberk := {
	"denied": "hauberk denies",
	"allowed": "hauberk allows",
}

_by_kubearmor(relation) := "for KubeArmor the one that arrives last wins" if relation.orderMatters

_by_kubearmor(relation) := $"KubeArmor has it {verdict}" if {
	not relation.orderMatters
	verdict := relation.verdicts.kubearmor
}

_outcome(relation, models) := $"{first}, {second}" if {
	count(models) == 2
	first := _by_hauberk[relation.verdicts.hauberk]
	second := _by_kubearmor(relation)
} else := _by_kubearmor(relation) if {
	"kubearmor" in models
} else := _by_hauberk[relation.verdicts.hauberk]

_witness(relation) := {"witness": relation.access} if not is_null(relation.access)

_witness(relation) := {} if is_null(relation.access)
