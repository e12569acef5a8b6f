# METADATA
# title: unprotected-container
# description: |
#   The policy selects pods that KubeArmor protects in part or not at all: hostPID pods count as the
#   node, init and ephemeral containers are not looked at, and the annotation kubearmor-policy can
#   switch enforcement off.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB511.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB511
#   severity: warning
#   models: [kubearmor]
#   needs: repo
#   fix: none
#   recommended_action: Change the pod, or cover it by a host policy.
package hauberk.rules.scope.unprotected_container

import data.hauberk.lib.text

violation contains v if {
	some kind in ["disabled", "hostPID", "init", "ephemeral"]
	hit := [workload | some workload in input.workloads; workload.from == "manifest"; _is(kind, workload)]
	count(hit) > 0
	names := text.listing(sort({name | some workload in hit; name := workload.name}))
	reason := _reasons[kind]
	v := {
		"id": "HB511",
		"pointer": _pointer,
		"message": $"{reason}: {names}",
		"hint": _hints[kind],
		"related": [{"place": workload.place, "message": _reasons[kind]} | some workload in array.slice(hit, 0, 5); workload.place != null],
	}
}

_off(workload) if workload.kubearmorPolicy in {"disabled", "audited"}

_enforced(workload) if {
	not workload.hostPID
	not _off(workload)
}

_is("disabled", workload) if _off(workload)

_is("hostPID", workload) if {
	workload.hostPID
	not _off(workload)
}

_is("init", workload) if {
	count(workload.initContainers) > 0
	_enforced(workload)
}

_is("ephemeral", workload) if {
	count(workload.ephemeralContainers) > 0
	_enforced(workload)
}

_reasons := {
	"disabled": "the annotation kubearmor-policy switches enforcement off for",
	"hostPID": "KubeArmor takes pods with hostPID for the node, so this policy does not hold for",
	"init": "KubeArmor does not enforce in init containers of",
	"ephemeral": "KubeArmor does not enforce in ephemeral containers of",
}

_hints := {
	"disabled": "remove the annotation, or the policy",
	"hostPID": "remove hostPID, or write a host policy",
	"init": "let the init container do as little as possible; no policy reaches it",
	"ephemeral": "forbid ephemeral containers by RBAC (pods/ephemeralcontainers)",
}

_pointer := input.policy.selector.pointer
