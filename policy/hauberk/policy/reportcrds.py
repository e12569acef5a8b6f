"""CustomResourceDefinitions of what the enforcer reports: what each node enforces, and where that is not as it should.

Conditions are Kubernetes' own; lists are maps by key, so that several writers share an object under server-side apply.
Bounds keep an object below the API server's limits and the cost of CEL rules known.
"""

from __future__ import annotations

from typing import Any

from hauberk.policy.crds import Crd, column, definition
from hauberk.policy.schema import Schema

GROUP, VERSION = "hauberk.dev", "v1alpha1"
STATES = ("Enforced", "Partial", "Refused", "Pending")
DRIFTS = ("NotEnforced", "OutOfDate", "Tampered", "Edited", "Behaviour")
MAX_POLICIES = 2000
MAX_ACCESSES = 50

_CLUSTER_KINDS = ("KubeArmorClusterPolicy", "KubeArmorHostPolicy", "KubeArmorNetworkPolicy")
_TIME: Schema = {"type": "string", "format": "date-time"}


def report_crds() -> list[Crd]:
    """NodePolicyStatus, DriftReport and its cluster-scoped twin."""
    return [_node_policy_status(), _drift_report(namespaced=True), _drift_report(namespaced=False)]


def _text(most: int, description: str = "") -> Schema:
    return {"type": "string", "maxLength": most} | ({"description": description} if description else {})


def _count(description: str = "") -> Schema:
    found: Schema = {"type": "integer", "format": "int64", "minimum": 0}
    return found | ({"description": description} if description else {})


def _object(*required: str, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return found | ({"required": list(required)} if required else {})


def _map(items: Schema, keys: list[str], most: int) -> Schema:
    listed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    return {"type": "array", "maxItems": most, **listed, "items": items}


def _enum(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


_DIGEST: Schema = {
    "type": "string",
    "pattern": "^sha256:[0-9a-f]{64}$",
    "description": "Digest of the meaning, as in the annotation hauberk.dev/digest.",
}
_CONDITIONS = _map(
    _object(
        "type",
        "status",
        "lastTransitionTime",
        "reason",
        "message",
        type=_text(316),
        status=_enum("True", "False", "Unknown"),
        observedGeneration=_count(),
        lastTransitionTime=_TIME,
        reason={
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        },
        message=_text(32768),
    ),
    ["type"],
    16,
) | {"description": "A final failure has Stalled=True beside Ready=False: kstatus waits on with Ready=False alone."}


def _whole(spec: Schema, status: Schema, description: str, rules: list[dict[str, str]]) -> Schema:
    common: dict[str, Schema] = {name: {"type": "string"} for name in ("apiVersion", "kind")}
    found = _object("spec", **common, metadata={"type": "object"}, spec=spec, status=status)
    return found | {"description": description, "x-kubernetes-validations": rules}


def _rule(rule: str, message: str) -> dict[str, str]:
    return {"rule": rule, "message": message}


def _node_policy_status() -> Crd:
    policy = _object(
        "kind",
        "namespace",
        "name",
        "state",
        kind=_enum("KubeArmorPolicy", *_CLUSTER_KINDS),
        namespace=_text(63, "Empty for cluster-scoped kinds."),
        name=_text(253),
        digest=_DIGEST,
        state=_enum(*STATES),
        reason=_text(64, "One word; needed unless the state is Enforced."),
        message=_text(1024),
        workloads=_count("Containers of this node that the policy selects."),
        rules=_count("Rules that the kernel holds for them."),
    )
    policy["x-kubernetes-validations"] = [
        _rule("self.state == 'Enforced' || has(self.reason)", "a policy that is not Enforced needs a reason")
    ]
    summary = _object(**{state.lower(): _count() for state in STATES})
    status = _object(
        observedGeneration=_count(),
        conditions=_CONDITIONS,
        versions=_object(enforcer=_text(64), kernel=_text(128), programs=_text(128)),
        summary=summary,
        policies=_map(policy, ["kind", "namespace", "name"], MAX_POLICIES),
    )
    spec = _object("nodeName", nodeName=_text(253, "The node; also the name of the object."))
    schema = _whole(
        spec,
        status,
        "What one node enforces. Conditions: Ready, Enforcing, Degraded, Stalled.",
        [
            _rule("self.metadata.name == self.spec.nodeName", "the object is named after its node"),
            _rule("self.spec.nodeName == oldSelf.spec.nodeName", "spec.nodeName is immutable"),
        ],
    )
    columns = [
        column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        column("Enforced", ".status.summary.enforced", "integer"),
        column("Partial", ".status.summary.partial", "integer"),
        column("Refused", ".status.summary.refused", "integer"),
        column("Pending", ".status.summary.pending", "integer"),
        column("Reason", '.status.conditions[?(@.type=="Ready")].reason'),
        column("Kernel", ".status.versions.kernel", wide=True),
        column("Enforcer", ".status.versions.enforcer", wide=True),
        column("Age", ".metadata.creationTimestamp", "date"),
    ]
    return _ours("NodePolicyStatus", "nps", schema, columns, ["nodeName"], namespaced=False)


def _drift_report(*, namespaced: bool) -> Crd:
    kinds = ("KubeArmorPolicy",) if namespaced else _CLUSTER_KINDS
    access = _object(
        "operation",
        operation=_enum("exec", "read", "write", "modify", "network", "dns", "capability", "map_exec"),
        target=_text(4096),
        source=_text(4096),
        count=_count("How often it was seen."),
        rule=_text(8192, "The rule, as YAML, that would allow it."),
    )
    drift = _object(
        "type",
        "message",
        type=_enum(*DRIFTS),
        reason=_text(64),
        message=_text(4096),
        expected=_text(1024),
        found=_text(1024),
        firstSeen=_TIME,
        accesses={"type": "array", "maxItems": MAX_ACCESSES, "items": access},
    )
    drift["x-kubernetes-validations"] = [
        _rule("self.type == 'Behaviour' || !has(self.accesses)", "only a drift of Behaviour has accesses")
    ]
    policy = _object("kind", "name", kind=_enum(*kinds), name=_text(253), digest=_DIGEST)
    spec = _object("nodeName", "policy", nodeName=_text(253), policy=policy)
    status = _object(
        observedGeneration=_count(),
        conditions=_CONDITIONS,
        drifts=_map(drift, ["type"], len(DRIFTS)),
    )
    same = "self.spec.nodeName == oldSelf.spec.nodeName && self.spec.policy.kind == oldSelf.spec.policy.kind && "
    schema = _whole(
        spec,
        status,
        "What differs on one node from what one policy says; there is none when nothing does.",
        [_rule(f"{same}self.spec.policy.name == oldSelf.spec.policy.name", "node and policy are immutable")],
    )
    columns = [
        column("Policy", ".spec.policy.name"),
        column("Node", ".spec.nodeName"),
        column("Drift", ".status.drifts[*].type"),
        column("Message", ".status.drifts[0].message", wide=True),
        column("Since", ".metadata.creationTimestamp", "date"),
    ]
    kind, short = ("DriftReport", "drift") if namespaced else ("ClusterDriftReport", "cdrift")
    return _ours(kind, short, schema, columns, ["nodeName", "policy.name"], namespaced=namespaced)


def _ours(
    kind: str, short: str, schema: Schema, columns: list[dict[str, Any]], selectable: list[str], *, namespaced: bool
) -> Crd:
    """`selectable` fields of the spec can be asked for: a node watches its own objects only."""
    found = definition(GROUP, VERSION, kind, namespaced=namespaced, short=short, schema=schema, columns=columns)
    found["spec"]["names"]["categories"] = ["hauberk"]
    found["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": f".spec.{name}"} for name in selectable]
    return found
