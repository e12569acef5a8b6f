# METADATA
# title: audit-posture
# description: |
#   An Allow policy makes an allow-list, and what happens outside it is decided by the posture of the
#   namespace. Where the posture is audit, nothing outside the list is blocked.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB401.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB401
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: repo
#   fix: none
#   recommended_action: "Annotate the namespace with kubearmor-file-posture, kubearmor-network-posture or kubearmor-capabilities-posture: block."
package hauberk.rules.gaps.audit_posture

import data.hauberk.lib.rules
import data.hauberk.lib.text

violation contains v if {
	count(_audited) > 0
	domains := text.listing([domain | some domain in ["process", "file", "network", "dns", "capabilities"]; domain in _domains])
	first := [rule | some rule in input.policy.rules; rule.pointer in _own][0]
	where := _where
	why := _why
	hint := _hint
	else_hint := _else
	v := object.union(
		{
			"id": "HB401",
			"pointer": rules.action_pointer(first),
			"message": $"the allow-list does not block what no rule matches ({domains}): the posture of {where} is audit{why}",
			"hint": $"{_first}{hint}{else_hint}",
		},
		object.union(_severity, _witness),
	)
}

# What the end of the list is asked about: an access of the first domain that has one.
_witness := {"witness": found[0]} if {
	found := [access |
		some [domain, op] in _operations
		domain in _domains
		some access in input.ends
		access.op == op
	]
	count(found) > 0
} else := {}

_operations := [["process", "exec"], ["file", "read"], ["network", "network"], ["dns", "dns"], ["capabilities", "capability"]]

_audited := [item |
	some workload in input.workloads
	some list in workload.allowLists
	list.posture == "audit"
	list.own != []
	not _vacuous[list.domain]
	item := {"namespace": workload.namespace, "list": list}
]

# Allow on / for everybody leaves nothing unmatched (HB402).
_vacuous[rule.domain] if {
	some rule in input.policy.rules
	rule.action == "Allow"
	rule.domain in {"process", "file"}
	rule.recursive
	some target in rule.targets
	target.canonical == "/"
	rules.unconditional(rule)
}

_domains := {item.list.domain | some item in _audited}

_own := {pointer | some item in _audited; some pointer in item.list.own}

_host if input.policy.kind == "KubeArmorHostPolicy"

_namespaces := {item.namespace | some item in _audited; item.namespace != null}

_known := {namespace.name | some namespace in input.namespaces}

# KubeArmor's own default is a guess where nothing here tells what the cluster has.
_guessed if {
	every item in _audited {
		item.list.postureFrom == "default"
		not item.namespace in _known
	}
}

_severity := {"severity": "warning"} if _guessed

_severity := {} if not _guessed

_else := "; if the cluster's default is another, tell it in hauberk.yaml (posture)" if _guessed

_else := "" if not _guessed

_where := "the node" if {
	_host
} else := $"namespace {name}" if {
	count(_namespaces) == 1
	some name in _namespaces
} else := $"namespaces {names}" if {
	names := text.listing(sort(_namespaces))
}

_why := " (the default, as nothing sets it)" if {
	every item in _audited {
		item.list.postureFrom == "default"
	}
} else := " by its annotation" if {
	every item in _audited {
		item.list.postureFrom == "annotation"
	}
} else := ""

_annotations := {
	"process": "kubearmor-file-posture",
	"file": "kubearmor-file-posture",
	"network": "kubearmor-network-posture",
	"dns": "kubearmor-network-posture",
	"capabilities": "kubearmor-capabilities-posture",
}

_settings := {
	"process": "hostDefaultFilePosture",
	"file": "hostDefaultFilePosture",
	"network": "hostDefaultNetworkPosture",
	"dns": "hostDefaultNetworkPosture",
	"capabilities": "hostDefaultCapabilitiesPosture",
}

# Few lists name all that a workload runs and opens, its libraries among them: blocked at once, it does not start.
_first := "complete the list by the alerts of DefaultPosture, then " if {
	some domain in _domains
	domain in {"process", "file"}
} else := ""

_hint := $"set {settings}: block in the daemon's configuration, which then holds for every process of the node" if {
	_host
	settings := text.listing(sort({_settings[domain] | some domain in _domains}))
} else := $"annotate the namespace: {annotations}" if {
	keys := {_annotations[domain] | some domain in _domains}
	annotations := text.listing([line | some key in sort(keys); line := $"{key}: block"])
}
