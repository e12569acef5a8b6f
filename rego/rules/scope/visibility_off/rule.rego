# METADATA
# title: visibility-off
# description: |
#   Audit rules in a namespace whose annotation kubearmor-visibility leaves their domain out:
#   KubeArmor's monitor drops the events, so nothing is reported. On the Namespace itself: tokens of
#   that annotation that mean nothing.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB512.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB512
#   severity: warning
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Add the domain to kubearmor-visibility.
package hauberk.rules.scope.visibility_off

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	audits := [rule | some rule in input.policy.rules; rule.action == "Audit"; rule.domain in _watched]
	count(audits) > 0
	some namespace in input.namespaces
	namespace.visibility != null
	silent := [rule | some rule in audits; not contains(namespace.visibility, rule.domain)]
	count(silent) > 0
	domains := text.listing(sort({domain | some rule in silent; domain := rule.domain}))
	name := namespace.name
	value := namespace.visibility
	v := {
		"id": "HB512",
		"pointer": rules.action_pointer(silent[0]),
		"message": $"Audit rules for {domains} report nothing in namespace {name}: its kubearmor-visibility is {value}",
		"hint": $"add {domains} to the annotation kubearmor-visibility of the namespace",
		"related": [{"place": namespace.place, "message": "visibility is set here"}],
	}
}

violation contains v if {
	some annotation in input.namespace.annotations
	annotation.key == "kubearmor-visibility"
	unknown := [token |
		some part in split(annotation.value, ",")
		token := trim_space(part)
		token != ""
		not token in _tokens
	]
	count(unknown) > 0
	words := text.listing(unknown)
	v := {
		"id": "HB512",
		"pointer": annotation.pointer,
		"message": $"kubearmor-visibility does not know {words}",
		"hint": "write a comma list of process, file, network, capabilities, dns, ima, or none",
	}
}

_watched := {"process", "file", "network", "capabilities"}

_tokens := {"process", "file", "network", "capabilities", "dns", "ima", "none"}
