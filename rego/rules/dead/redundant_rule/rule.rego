# METADATA
# title: redundant-rule
# description: |
#   Without the rule every access would have the same verdict and the same alerts. It costs entries of the kernel's
#   maps and the time of who reads it.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB202.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB202
#   severity: info
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: safe
#   recommended_action: Remove it, or the rules that say the same.
package hauberk.rules.dead.redundant_rule

import data.hauberk.lib.accesses
import data.hauberk.lib.text

violation contains v if {
	some item in input.reach
	every model in input.target {
		model in item.redundant
	}
	not _reported(item)
	not _outside(item)
	not _open(item)
	reason := _reason(item)
	unless := _unless(item.closed)
	v := object.union(
		{
			"id": "HB202",
			"pointer": item.pointer,
			"message": $"without this rule nothing would change{reason}{unless}",
			"hint": "remove it",
			"related": [{"place": cover.place, "message": "says it already"} | some cover in item.cover],
		},
		_fix(item),
	)
}

# HB201 says so of rules that never decide because others say something else.
_reported(item) if {
	count(accesses.asked(item.unreachable)) > 0
	not _repeats(item)
}

_repeats(item) if {
	count(item.cover) > 0
	every cover in item.cover {
		cover.otherAction == false
	}
}

# A pattern does nothing to KubeArmor, and HB208 says so: when linted for it alone there is nothing to add.
_outside(item) if {
	input.target == ["kubearmor"]
	some rule in input.policy.rules
	rule.pointer == item.pointer
	rule.list == "matchPatterns"
}

# HB413 says that the rule does not do what it is for: it is to be mended, not removed.
_open(item) if {
	some asset in input.openAssets
	asset.pointer == item.pointer
}

_reason(item) := $": {names} say{ending} it already" if {
	count(item.cover) > 0
	ending := text.verb_ending(count(item.cover))
	names := text.listing([name | some cover in item.cover; name := accesses.rule_name(cover.place, cover.samePolicy)])
}

_reason(item) := ": other rules, or the end of the list, decide alike what it decides" if count(item.cover) == 0

# Without manifests nobody knows which labels meet on one pod.
_unless(true) := ""

_unless(false) := " (unless a policy for other labels selects the same pods)"

_fix(item) := {"fix": {"safety": "safe", "edits": [{"op": "remove", "pointer": item.pointer}]}} if item.removable

_fix(item) := {} if not item.removable
