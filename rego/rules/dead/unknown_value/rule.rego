# METADATA
# title: unknown-value
# description: |
#   A protocol, capability or preset that neither model knows, although the CRD lets it pass. Also two
#   slips that only KubeArmor makes something else of: a capability with the prefix CAP_, and a comma
#   list that does not begin in the first entry.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB213.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB213
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Write a known name, in lower case and without prefix, one for each entry.
package hauberk.rules.dead.unknown_value

violation contains v if {
	some rule in input.policy.rules
	not _unsplit(rule)
	some value in rule.values
	not value.known
	what := _kinds[rule.list]
	text := value.text
	effect := _effect(rule)
	v := object.union(
		{
			"id": "HB213",
			"pointer": value.pointer,
			"message": $"{text} is no {what}: {effect}",
			"hint": _hint(value, what),
		},
		_fix(value),
	)
}

violation contains v if {
	some preset in input.policy.presets
	not preset.name.known
	text := preset.name.text
	v := object.union(
		{
			"id": "HB213",
			"pointer": preset.name.pointer,
			"message": $"{text} is no preset: it does nothing (names are compared with their letter case)",
			"hint": _hint(preset.name, "preset"),
		},
		_fix(preset.name),
	)
}

violation contains v if {
	"kubearmor" in input.target
	some rule in input.policy.rules
	_unsplit(rule)
	value := rule.values[0]
	effect := _unsplit_effect(rule)
	v := {
		"id": "HB213",
		"model": "kubearmor",
		"pointer": value.pointer,
		"message": $"KubeArmor splits comma lists only when the first entry of {rule.list} is one: this one is {effect}",
		"hint": "write one entry for each value",
	}
}

violation contains v if {
	"kubearmor" in input.target
	some rule in input.policy.rules
	rule.list == "matchCapabilities"
	not _unsplit(rule)
	some value in rule.values
	value.known
	bare := _chown_instead(value.text)
	text := value.text
	v := object.union(
		{
			"id": "HB213",
			"model": "kubearmor",
			"pointer": value.pointer,
			"message": $"KubeArmor does not know {text} and takes it for chown",
			"hint": _hint(object.union(value, {"nearest": bare}), "capability"),
		},
		_fix(object.union(value, {"nearest": bare})),
	)
}

_kinds := {"matchProtocols": "protocol", "matchCapabilities": "capability"}

# With hauberk alone every list is split.
_unsplit(rule) if {
	rule.commaIgnored
	"kubearmor" in input.target
}

_unsplit_effect(rule) := "taken for chown" if rule.list == "matchCapabilities"

_unsplit_effect(rule) := "one unknown word, which matches nothing" if rule.list != "matchCapabilities"

_effect(rule) := "KubeArmor takes it for chown, hauberk matches nothing" if {
	rule.list == "matchCapabilities"
	count(input.target) == 2
} else := "KubeArmor takes it for chown" if {
	rule.list == "matchCapabilities"
	"kubearmor" in input.target
} else := "it matches nothing, yet turns the allow-list on" if {
	rule.action == "Allow"
} else := "it matches nothing"

# KubeArmor puts cap_ before a name that has no cap_ in it, in small letters; what it then does not know is number 0.
_chown_instead(text) := bare if {
	startswith(lower(text), "cap_")
	not contains(text, "cap_")
	bare := trim_prefix(lower(text), "cap_")
}

_chown_instead(text) := null if trim_prefix(lower(text), "cap_") == "checkpoint_restore"

_hint(value, _) := $"did you mean {nearest}?" if {
	value.nearest != null
	nearest := value.nearest
} else := "write a name that capabilities(7) lists, without the prefix cap_" if {
	value.nearest == null
	value.pointer != null
	endswith(value.pointer, "/capability")
} else := "write tcp, udp, icmp, icmpv6, sctp, stream, dgram, raw, rdm, seqpacket, dccp, packet or all" if {
	endswith(value.pointer, "/protocol")
} else := "write filelessExec, anonymousMapExec, protectEnv, protectProc or exec"

_fix(value) := {"fix": {
	"safety": "safe",
	"edits": [{"op": "replace", "pointer": value.pointer, "value": value.nearest}],
}} if {
	value.nearest != null
	not value.listed
} else := {}
