# METADATA
# title: readonly-block
# description: |
#   A Block rule with `readOnly: true` does not block reading. It lets everybody read and denies writing
#   and changing, exactly as an Allow rule with `readOnly` does.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB304.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB304
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: unsafe
#   recommended_action: Remove readOnly if reading is to be blocked too; otherwise say Allow with readOnly, or keep it knowingly.
package hauberk.rules.conflicts.readonly_block

import data.hauberk.lib.programs
import data.hauberk.lib.rules

violation contains v if {
	some rule in input.policy.rules
	rule.readOnly
	rule.action == "Block"
	not rule.ownerOnly
	rule.pts != false
	not _exception(rule)
	who := _who(rule.sources)
	subject := rules.subject(rule)
	base := {
		"id": "HB304",
		"pointer": $"{rule.pointer}/readOnly",
		"message": $"Block with readOnly stops only writing and changing: {who} may still read {subject}",
	}
	v := object.union(object.union(base, _advice(rule)), _where(rule.list))
}

# To start a program is to read it, its loader and its libraries; most then read settings and certificates.
_advice(rule) := {"severity": "info", "hint": "right if only changes are to be stopped: programs need to read it to start or to work"} if {
	some target in rule.targets
	programs.needed(target, rule.recursive)
} else := {
	"hint": "remove readOnly to block reading too",
	"fix": {"safety": "unsafe", "edits": [{"op": "remove", "pointer": $"{rule.pointer}/readOnly"}]},
}

# For named sources beside a Block for everybody on the same place it is how one writes "they alone, and only reading".
_exception(rule) if {
	count(rule.sources) > 0
	some other in input.policy.rules
	other.action == "Block"
	count(other.sources) == 0
	not other.readOnly
	other.list == rule.list
	other.section == rule.section
	other.targets[0].text == rule.targets[0].text
}

_who([]) := "everybody"

_who(sources) := "its sources" if count(sources) > 0

# KubeArmor does not read patterns at all (HB208).
_where(list) := {} if list != "matchPatterns"

_where("matchPatterns") := {"model": "hauberk"} if "hauberk" in input.target
