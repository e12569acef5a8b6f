# METADATA
# title: apparmor-differs
# description: |
#   A node on which KubeArmor enforces by AppArmor decides an access otherwise than one with BPF LSM. What a
#   policy was tested with on one kind of node it need not do on the other.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB606.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB606
#   severity: info
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Write the rule so that both mean the same, or run one kind of node.
package hauberk.rules.portability.apparmor_differs

import data.hauberk.lib.accesses
import data.hauberk.lib.text

violation contains v if {
	"kubearmor" in input.target
	topics := {item.topic | some item in input.apparmor}
	some topic in topics
	items := [item | some item in input.apparmor; item.topic == topic]
	first := items[0]
	who := accesses.actor(first.access)
	deed := accesses.act(first.access)
	bpf := first.bpf
	apparmor := first.apparmor
	more := _more(count(items) - 1)
	v := {
		"id": "HB606",
		"pointer": first.pointer,
		"message": $"{topic}: when {who} {deed}, BPF LSM says {bpf} and AppArmor {apparmor}{more}",
		"hint": "test it on the kind of node that it is for; `hauberk rules HB606` says what differs",
		"witness": first.access,
	}
}

_more(0) := ""

_more(number) := $"; so it is for {rules} more of this policy" if {
	number > 0
	rules := text.counted(number, "rule")
}
