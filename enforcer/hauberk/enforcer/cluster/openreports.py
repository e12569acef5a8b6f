"""What a node says of policies, as Report objects of the OpenReports API, for tools that show those (pure).

One Report for each namespace and node, one ClusterReport for policies without a namespace.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hauberk.enforcer.cluster.mirror import Kinds, Where
from hauberk.enforcer.cluster.reports import Drift, Object, concerns
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject, PolicyStanding, Standing
from hauberk.policy.model import GROUP_VERSION

API = "openreports.io/v1alpha1"
SOURCE = "hauberk-enforcer"
NODE_LABEL = "hauberk.dev/node-hash"
RESULTS = ("pass", "fail", "warn", "error", "skip")
_MOST_RESULTS = 1000
_MOST_MESSAGE = 1024


def kinds(node: str) -> Kinds:
    """The objects that `reports_of` makes for a node."""
    own = {"labelSelector": f"{NODE_LABEL}={node_hash(node)}"}
    return Kinds(API, {"Report": "reports", "ClusterReport": "clusterreports"}, own, ("results", "summary"))


def node_hash(node: str) -> str:
    """Names of nodes are longer than values of labels may be."""
    return hashlib.sha256(node.encode()).hexdigest()[:16]


def reports_of(
    node: str,
    standings: Iterable[PolicyStanding],
    drifts: Iterable[Drift],
    policies: Mapping[PolicyKey, PolicyObject],
) -> dict[Where, Object]:
    """All reports of a node; a namespace without policies that select something there has none."""
    differing: dict[PolicyKey, list[Drift]] = {}
    for one in drifts:
        differing.setdefault(one.key, []).append(one)
    results: dict[str, list[Object]] = {}
    for standing in standings:
        if not concerns(standing):
            continue
        found = [_drifting(node, one, policies) for one in differing.get(standing.key, ())]
        results.setdefault(standing.key.namespace, []).extend(found or [_standing(node, standing, policies)])
    name = f"{SOURCE}.{node}"[:253].rstrip("-.")
    return {(namespace, name): _report(namespace, name, node, said) for namespace, said in results.items()}


def _report(namespace: str, name: str, node: str, results: list[Object]) -> Object:
    counts = Counter(one["result"] for one in results)
    # what is cut off is what is well
    kept = sorted(results, key=lambda one: (one["result"] == "pass", one["policy"], one["rule"]))[:_MOST_RESULTS]
    labels = {"app.kubernetes.io/managed-by": SOURCE, NODE_LABEL: node_hash(node)}
    return {
        "apiVersion": API,
        "kind": "Report" if namespace else "ClusterReport",
        "metadata": {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})},
        "source": SOURCE,
        "scope": {"apiVersion": "v1", "kind": "Node", "name": node},
        "results": kept,
        "summary": {result: counts[result] for result in RESULTS},
    }


def _standing(node: str, one: PolicyStanding, policies: Mapping[PolicyKey, PolicyObject]) -> Object:
    if one.standing is Standing.PENDING:
        text = one.failure.text if one.failure else ""
        return _result(node, one.key, policies, "skip", "Pending", text)
    said = f"enforced on {len(one.workloads)} workloads"
    return _result(node, one.key, policies, "pass", "Enforced", said)


def _drifting(node: str, one: Drift, policies: Mapping[PolicyKey, PolicyObject]) -> Object:
    result = "warn" if one.kind == "Behaviour" else "fail"
    return _result(node, one.key, policies, result, one.kind, one.message)


def _result(
    node: str, key: PolicyKey, policies: Mapping[PolicyKey, PolicyObject], result: str, rule: str, message: str
) -> Object:
    held = policies.get(key)
    resource: dict[str, Any] = {"apiVersion": GROUP_VERSION, "kind": key.kind, "name": key.name}
    resource |= {"namespace": key.namespace} if key.namespace else {}
    resource |= {"uid": held.uid} if held and held.uid else {}
    return {
        "source": SOURCE,
        "category": "Runtime policy",
        "policy": key.name,
        "rule": rule,
        "result": result,
        "scored": True,
        "message": message[:_MOST_MESSAGE],
        "resources": [resource],
        "properties": {"node": node},
    }
