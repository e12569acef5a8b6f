# METADATA
# title: unreachable-rule
# description: |
#   No access is decided by the rule: other rules stand before it wherever it matches, or nothing that a kernel can show
#   matches it. Found by a search over all accesses, in every workload that the policy selects.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB201.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB201
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: safe
#   recommended_action: Remove the rule, or narrow those that stand before it.
package hauberk.rules.dead.unreachable_rule

import data.hauberk.lib.accesses
import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	some item in input.reach
	dead := accesses.asked(item.unreachable)
	count(dead) > 0
	count(item.cover) > 0
	not _only_repeats(item)
	not _conflict(item)
	names := _names(item)
	ending := text.verb_ending(count(item.cover))
	example := _example(item)
	v := object.union_n([
		{
			"id": "HB201",
			"pointer": item.pointer,
			"model": accesses.models(item.unreachable),
			"message": $"this rule decides nothing: {names} stand{ending} before it wherever it matches{example}",
			"hint": _hint(item),
			"related": [{"place": cover.place, "message": "stands before it"} | some cover in item.cover],
		},
		_witness(item),
		_fix(item),
	])
}

violation contains v if {
	some item in input.reach
	count(accesses.asked(item.unreachable)) > 0
	count(item.cover) == 0
	some rule in input.policy.rules
	rule.pointer == item.pointer
	count(rule.targets) + count(rule.values) > 0
	not _explained(rule)
	subject := rules.subject(rule)
	v := object.union(
		{
			"id": "HB201",
			"pointer": rules.subject_pointer(rule),
			"model": accesses.models(item.unreachable),
			"message": $"this rule decides nothing: no path, name or value that a kernel can show matches {subject}",
			"hint": "write what the kernel shows, or remove the rule",
		},
		_fix(item),
	)
}

violation contains v if {
	some item in input.reach
	count(accesses.asked(item.unreachable)) == 0
	shells := accesses.asked(item.shells)
	count(shells) > 0
	not _only_repeats(item)
	not _conflict(item)
	names := _names(item)
	ending := text.verb_ending(count(item.cover))
	example := _example(item)
	v := object.union(
		{
			"id": "HB201",
			"pointer": item.pointer,
			"model": accesses.models(item.shells),
			"message": $"this rule decides about nothing in the directory, only about opening or removing the directory: {names} decide{ending}{example}",
			"hint": _deeper(item),
			"related": [{"place": cover.place, "message": "stands before it"} | some cover in item.cover],
		},
		_witness(item),
	)
}

violation contains v if {
	some item in input.reach
	count(accesses.asked(item.unreachable)) == 0
	not is_null(item.partly)
	count(accesses.asked(item.partly.models)) > 0
	not _only_repeats(item)
	not _conflict(item)
	names := _names(item)
	ending := text.verb_ending(count(item.cover))
	inside := _inside(item.partly.shell)
	dead := text.listing(item.partly.dead)
	alive := text.listing(item.partly.alive)
	v := object.union(
		{
			"id": "HB201",
			"pointer": item.pointer,
			"severity": "warning",
			"model": accesses.models(item.partly.models),
			"message": $"in {dead} this rule decides nothing{inside}: {names} stand{ending} before it wherever it matches; in {alive} it does",
			"hint": "say in the selector which workloads the rule is for",
			"related": [{"place": cover.place, "message": "stands before it"} | some cover in item.cover],
		},
		_witness(item),
	)
}

violation contains v if {
	some item in input.reach
	count(accesses.asked(item.unreachable)) == 0
	not is_null(item.inconclusive)
	cause := item.inconclusive
	v := {
		"id": "HB201",
		"pointer": item.pointer,
		"severity": "info",
		"message": $"whether this rule decides anything cannot be told: {cause} has more cases than are searched",
		"hint": "write it with fewer * and ? behind each other",
	}
}

# Of the answers that other rules give: what is open, may be dropped, is read otherwise by the other model.
violation contains v if {
	count(input.inconclusive) > 0
	causes := text.listing(input.inconclusive)
	v := {
		"id": "HB201",
		"pointer": "/spec",
		"severity": "info",
		"message": $"not everything about the workloads of this policy was searched ({causes}): there may be more to say",
		"hint": "write patterns with fewer * and ? behind each other, and fewer rules for one workload",
	}
}

# HB202 is about rules that say what others say anyway.
_only_repeats(item) if {
	count(item.cover) > 0
	every cover in item.cover {
		cover.otherAction == false
	}
}

# HB301 and HB302 are about two rules for the same thing.
_conflict(item) if {
	some relation in input.relations
	relation.type in {"conflict", "flags"}
	relation.pointer == item.pointer
	every cover in item.cover {
		cover.place == relation.other
	}
}

# Other rules say why nothing matches, each in its own words.
_explained(rule) if {
	some target in rule.targets
	some glob in target.globs
	glob in {"*", "?", "[", "]", "{", "}"}
	target.field in {"path", "dir"}
}

_explained(rule) if {
	some target in rule.targets
	target.canonical != target.text
}

_explained(rule) if {
	some target in rule.targets
	not startswith(target.text, "/")
	target.field != "execname"
}

_explained(rule) if {
	some source in rule.sources
	is_null(source.path)
}

_explained(rule) if {
	some value in rule.values
	not value.known
}

_explained(rule) if rule.domain == "dns"

# Of two rules for one thing each model may leave another one dead: without both the thing is open.
_hint(item) := "remove it, or narrow the rules that stand before it" if {
	count(item.unreachable) == 2
} else := $"keep it if the {other} model is enforced anywhere, where it does decide; else remove it, or narrow the rules that stand before it" if {
	some other in ["hauberk", "kubearmor"]
	not other in item.unreachable
}

_inside(true) := " in the directory"

_inside(false) := ""

_deeper(item) := "add recursive: true: of recursive directories the deeper one decides" if {
	some rule in input.policy.rules
	rule.pointer == item.pointer
	not rule.recursive
} else := "remove it, or narrow the rule that stands before it"

_names(item) := text.listing([name | some cover in item.cover; name := accesses.rule_name(cover.place, cover.samePolicy)])

_example(item) := $", as when {sentence}" if {
	not is_null(item.access)
	sentence := accesses.sentence(item.access)
}

_example(item) := "" if is_null(item.access)

_witness(item) := {"witness": item.access} if not is_null(item.access)

_witness(item) := {} if is_null(item.access)

_fix(item) := {"fix": {"safety": "safe", "edits": [{"op": "remove", "pointer": item.pointer}]}} if item.removable

_fix(item) := {} if not item.removable
