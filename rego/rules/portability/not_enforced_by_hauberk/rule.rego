# METADATA
# title: not-enforced-by-hauberk
# description: |
#   A field that hauberk's enforcer does not implement: allowedArgs, DNS queries, devices, presets other
#   than filelessExec, and the report of syscalls.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB607.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB607
#   severity: error
#   models: [hauberk]
#   needs: none
#   fix: none
#   recommended_action: Remove the field, or let KubeArmor enforce the policy.
package hauberk.rules.portability.not_enforced_by_hauberk

import data.hauberk.lib.text

violation contains v if {
	some entry in [_arguments, _domains, _devices, _presets]
	count(entry.pointers) > 0
	what := entry.what
	places := text.counted(count(entry.pointers), "place")
	v := {
		"id": "HB607",
		"pointer": entry.pointers[0],
		"message": $"hauberk does not enforce {what} (yet): {places} in this policy",
		"hint": entry.hint,
	}
}

# Nobody enforces syscall rules; what is missing is their report.
violation contains v if {
	count(input.policy.syscalls) > 0
	number := text.counted(count(input.policy.syscalls), "rule")
	v := {
		"id": "HB607",
		"severity": "warning",
		"pointer": input.policy.syscalls[0].pointer,
		"message": $"hauberk does not report syscalls (yet): {number}",
		"hint": "let KubeArmor report them, or use a seccomp profile that logs",
	}
}

_arguments := {
	"what": "allowedArgs",
	"hint": "remove allowedArgs, or control the program by its path and source",
	"pointers": [pointer |
		some rule in input.policy.rules
		count(rule.allowedArgs) > 0
		pointer := $"{rule.pointer}/allowedArgs"
	],
}

_domains := {
	"what": "DNS queries",
	"hint": "use network rules, or a resolver that filters",
	"pointers": [pointer |
		some rule in input.policy.rules
		rule.list == "matchDNSQueries"
		pointer := rule.pointer
	],
}

_devices := {
	"what": "device rules",
	"hint": "use udev or USBGuard on the node",
	"pointers": input.policy.devices,
}

_presets := {
	"what": "presets other than filelessExec",
	"hint": "remove the preset, or let KubeArmor enforce it",
	"pointers": [pointer |
		some preset in input.policy.presets
		preset.name.known
		preset.name.text != "filelessExec"
		pointer := preset.name.pointer
	],
}
