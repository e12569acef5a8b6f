# METADATA
# title: owner-block
# description: |
#   A Block rule with ownerOnly does not block the owner. It lets the owner of the file through and
#   denies everybody else, exactly as an Allow rule with ownerOnly does.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB305.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB305
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: none
#   recommended_action: Remove ownerOnly to block everybody.
package hauberk.rules.conflicts.owner_block

import data.hauberk.lib.rules
import data.hauberk.lib.text

# A few are told one by one.
violation contains v if {
	some group in _groups
	count(group) <= 3
	some rule in group
	subject := rules.subject(rule)
	v := _finding(rule, _message(rule, subject))
}

# More of one list are one finding.
violation contains v if {
	some group in _groups
	number := count(group)
	number > 3
	first := group[0]
	subjects := text.listing([subject | some rule in group; subject := rules.subject(rule)])
	message := _message(first, subjects)
	v := _finding(first, $"{message} ({number} rules)")
}

_lax := [rule |
	some rule in input.policy.rules
	rule.ownerOnly
	rule.action == "Block"
	rule.pts != false
	rule.allowedArgs == []
]

# Rules of one list of which the same is to be said.
_groups contains group if {
	some first in _lax
	group := [rule | some rule in _lax; _alike(rule) == _alike(first)]
}

_alike(rule) := [rule.section, rule.list, rule.readOnly, _who(rule.sources)]

_finding(rule, message) := object.union(
	{
		"id": "HB305",
		"pointer": $"{rule.pointer}/ownerOnly",
		"message": message,
		"hint": _hint(rule),
	},
	_where(rule.list),
)

_message(rule, subject) := $"this Block lets the owner of {subject} read: only writing is denied to {who}" if {
	rule.readOnly
	who := _who(rule.sources)
} else := $"ownerOnly exempts the owner of {subject} from this Block: it denies other users only" if {
	rule.sources == []
} else := $"ownerOnly exempts the owner of {subject} from this Block of its sources: it denies them to other users only"

_hint(rule) := $"remove ownerOnly{flag} to block {who}" if {
	flag := _flag(rule.readOnly)
	who := _who(rule.sources)
}

_flag(true) := " and readOnly"

_flag(false) := ""

_who([]) := "everybody"

_who(sources) := "its sources" if count(sources) > 0

# KubeArmor does not read patterns at all (HB208).
_where(list) := {} if list != "matchPatterns"

_where("matchPatterns") := {"model": "hauberk"} if "hauberk" in input.target
