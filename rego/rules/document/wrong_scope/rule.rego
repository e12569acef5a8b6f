# METADATA
# title: wrong-scope
# description: |
#   A namespace on a kind that has none, or none on a KubeArmorPolicy. The first limits nothing; without
#   the second the policy goes to whatever namespace the tool that applies it uses.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB107.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB107
#   severity: warning
#   models: [kubearmor, hauberk]
#   needs: none
#   fix: safe
#   recommended_action: Remove the namespace of a cluster-scoped kind; give a KubeArmorPolicy the namespace of its workload.
package hauberk.rules.document.wrong_scope

violation contains v if {
	kind := input.policy.kind
	kind != "KubeArmorPolicy"
	input.policy.namespace != null
	namespace := input.policy.namespace
	v := {
		"id": "HB107",
		"pointer": "/metadata/namespace",
		"message": $"{kind} is cluster-scoped: namespace {namespace} does not limit it",
		"hint": _hint(kind),
		"fix": {"safety": "safe", "edits": [{"op": "remove", "pointer": "/metadata/namespace"}]},
	}
}

violation contains v if {
	input.policy.kind == "KubeArmorPolicy"
	is_null(input.policy.namespace)
	not _refused
	v := {
		"id": "HB107",
		"pointer": "/metadata",
		"message": "no namespace: the policy goes to, and selects pods of, whatever namespace it is applied with",
		"hint": "add namespace, so that the file says where it holds",
	}
}

_hint("KubeArmorClusterPolicy") := "remove it; to limit the policy use matchExpressions with key: namespace"

_hint(kind) := "remove it" if kind != "KubeArmorClusterPolicy"

# The schema already complains about metadata or the namespace itself.
_refused if {
	some problem in input.problems
	problem.kind in {"schema", "null"}
	problem.pointer in {"/metadata", "/metadata/namespace"}
}
