# METADATA
# title: asset-open
# description: |
#   A rule gives a file or directory to the programs that it names, and others may read, write or remove it all the
#   same: another rule lets them, or nothing denies it.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB413.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB413
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: unsafe
#   recommended_action: Block the asset for everybody, and let the programs that need it pass by a rule that names them.
package hauberk.rules.gaps.asset_open

import data.hauberk.lib.accesses
import data.hauberk.lib.text

violation contains v if {
	some item in input.openAssets
	count(accesses.asked(item.models)) > 0
	first := item.accesses[0]
	who := accesses.actor(first)
	given := text.listing(item.given)
	acts := concat(", ", [act | some access in item.accesses; act := accesses.act(access)])
	through := _through(item)
	when := _when(item.when)
	v := object.union_n([
		{
			"id": "HB413",
			"pointer": item.pointer,
			"model": accesses.models(item.models),
			"message": $"this rule is for {given}, yet {who}, whom it does not name, {acts}{when}: {through}",
			"hint": _hint(item),
			"witness": first,
			"related": [{"place": place, "message": "lets others pass"} | some place in [item.through]; not is_null(place)],
		},
		_severity(item),
		_fix(item),
	])
}

_through(item) := $"allowed by {name}" if {
	not is_null(item.through)
	name := accesses.rule_name(item.through, item.through.policy == input.policy.name)
} else := $"the posture of {workload} only reports it" if {
	item.reported
	workload := item.workload
} else := $"no rule denies it in {workload}" if {
	workload := item.workload
}

_when("") := ""

_when(words) := $" {words}" if words != ""

_hint(item) := "set readOnly only on a rule for the source: a Block for everybody without it closes the asset" if {
	_read_only_block(item)
} else := "take ownerOnly off the rule that lets others pass: a Block with it lets the owner through" if {
	item.when != ""
} else := "block the asset for everybody, and let these programs read it by a Block with readOnly and fromSource"

# A default nobody wrote down may be another in the cluster.
_severity(item) := {"severity": "warning"} if {
	is_null(item.through)
	item.reported
	not item.postureKnown
} else := {}

_read_only_block(item) if _block(item)

_block(item) := rule if {
	not is_null(item.through)
	item.through.policy == input.policy.name
	some rule in input.policy.rules
	rule.id == item.through.rule
	rule.action == "Block"
	rule.readOnly
	rule.sources == []
}

_fix(item) := {"fix": {"safety": "unsafe", "edits": [{"op": "remove", "pointer": pointer}]}} if {
	rule := _block(item)
	pointer := $"{rule.pointer}/readOnly"
} else := {}
