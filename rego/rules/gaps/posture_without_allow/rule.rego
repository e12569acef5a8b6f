# METADATA
# title: posture-without-allow
# description: |
#   A namespace asks for posture block, but no policy of the repository has an Allow rule of that domain
#   for it. The posture is only asked where there is an allow-list, so the annotation enforces nothing.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB411.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB411
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: Add an Allow policy, or remove the annotation.
package hauberk.rules.gaps.posture_without_allow

violation contains v if {
	some annotation in input.namespace.annotations
	lower(annotation.value) == "block"
	domains := _domains[annotation.key]
	every domain in domains {
		not domain in input.namespace.allowDomains
	}
	name := input.namespace.name
	key := annotation.key
	listed := concat(" or ", domains)
	v := {
		"id": "HB411",
		"pointer": annotation.pointer,
		"message": $"{key}: block enforces nothing: no policy here has an Allow rule for {listed} in namespace {name}",
		"hint": "add a policy with action: Allow, or remove the annotation",
	}
}

_domains := {
	"kubearmor-file-posture": ["process", "file"],
	"kubearmor-network-posture": ["network", "dns"],
	"kubearmor-capabilities-posture": ["capabilities"],
}
