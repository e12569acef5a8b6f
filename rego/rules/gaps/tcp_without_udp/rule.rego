# METADATA
# title: tcp-without-udp
# description: |
#   The network allow-list lets tcp pass but not udp. Name resolution uses udp, so it falls under the
#   posture; so do unix datagram sockets (syslog), because the address family is not looked at.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB407.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB407
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Allow udp too, or name the programs that need it.
package hauberk.rules.gaps.tcp_without_udp

violation contains v if {
	affected := [{"workload": workload, "list": list} |
		some workload in input.workloads
		some list in workload.allowLists
		list.domain == "network"
		count(list.own) > 0
		"tcp" in list.passes
		not "udp" in list.passes
	]
	count(affected) > 0
	own := {pointer | some item in affected; some pointer in item.list.own}
	first := [rule | some rule in input.policy.rules; rule.pointer in own][0]
	what := _what({socket | some item in affected; some socket in item.list.passes})
	suffix := _suffix({item.list.posture | some item in affected})
	v := {
		"id": "HB407",
		"pointer": $"{first.pointer}/protocol",
		"message": $"tcp is allowed but udp is not: {what} under the posture{suffix}",
		"hint": "add protocol: udp, or allow it for the programs that resolve names",
	}
}

_what(passes) := "DNS over udp and unix datagram sockets (syslog) fall" if not "unix-dgram" in passes

_what(passes) := "DNS over udp falls" if "unix-dgram" in passes

_suffix(postures) := $" ({posture})" if {
	count(postures) == 1
	some posture in postures
} else := ""
