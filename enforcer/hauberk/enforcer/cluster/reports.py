"""What a node says of itself -> the objects that say it in the API, as `policy/reportcrds.py` defines them (pure)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hauberk.enforcer.cluster.mirror import Kinds
from hauberk.enforcer.node.daemon import Status
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject, PolicyStanding, Standing
from hauberk.policy.digest import EDITED, annotated, digest
from hauberk.policy.loose import listing, mapping
from hauberk.policy.reportcrds import GROUP, MAX_ACCESSES, MAX_POLICIES, STATES, VERSION

API = f"{GROUP}/{VERSION}"
_MOST_MESSAGE = 1024

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Versions:
    """Of what is at work on the node."""

    enforcer: str
    kernel: str
    programs: str
    observing: bool = False
    """Nothing is denied."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a block posture would deny, how often it was seen, and the rule that would allow it, as YAML."""

    operation: str
    target: str
    source: str
    rule: str


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a node differs from what a policy says."""

    kind: str
    key: PolicyKey
    reason: str
    message: str
    expected: str = ""
    found: str = ""
    accesses: tuple[tuple[Access, int], ...] = ()


class Digests:
    """Digests of the meaning of policies, each computed once for a text."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, one: PolicyObject) -> str:
        found = self._known.get(one.digest)
        if found is None:
            if len(self._known) > 2 * MAX_POLICIES:
                self._known.clear()
            found = self._known[one.digest] = digest(one.given.document)
        return found


def node_object(node: str) -> Object:
    return {
        "apiVersion": API,
        "kind": "NodePolicyStatus",
        "metadata": {"name": node},
        "spec": {"nodeName": node},
    }


def node_status(
    status: Status,
    accepted: Mapping[PolicyKey, PolicyObject],
    versions: Versions,
    digests: Digests,
    *,
    stale: str = "",
    old: Mapping[str, Any] | None = None,
    now: str,
) -> Object:
    """The status of a NodePolicyStatus; conditions that hold as before keep the times that `old` has.

    Policies that are in force and select nothing here are left out: they would make etcd hold nodes times policies.
    """
    worse = [one for one in status.standings if one.standing is not Standing.ENFORCED]
    final = [one for one in worse if one.standing is not Standing.PENDING]
    troubles = [f"{one.key}: {_text(one)}" for one in final]
    troubles += [f"somebody changed what is in the kernel: {found}" for found in status.tampered]
    troubles += [f"the API server is not heard: {stale}"] if stale else []
    first = troubles[0] if troubles else ""
    conditions = [
        _condition("Ready", not worse, "NotEnforced" if worse else "Enforced", first or "all policies are enforced"),
        _condition(
            "Enforcing",
            not versions.observing,
            "Observing" if versions.observing else "ProgramsAttached",
            versions.programs,
        ),
        _condition("Degraded", bool(troubles), "Trouble" if troubles else "Fine", "; ".join(troubles[:10])),
        # Ready=False alone never ends: kstatus would wait on for what does not come
        _condition("Stalled", bool(final), "NotEnforced" if final else "Fine", first if final else ""),
    ]
    told = [one for one in status.standings if concerns(one)]
    counts = Counter(one.standing.value for one in told)
    order = sorted(told, key=lambda one: (-list(Standing).index(one.standing), str(one.key)))
    return {
        "observedGeneration": 1,
        "conditions": [_since(one, old, now) for one in conditions],
        "versions": {"enforcer": versions.enforcer, "kernel": versions.kernel, "programs": versions.programs},
        "summary": {state.lower(): counts[state] for state in STATES},
        "policies": [_policy(one, accepted.get(one.key), digests) for one in order[:MAX_POLICIES]],
    }


def concerns(one: PolicyStanding) -> bool:
    """Whether a node speaks of a policy: it selects something there, or is not in force as it is."""
    return bool(one.workloads) or one.standing is not Standing.ENFORCED


def _condition(kind: str, holds: bool, reason: str, message: str) -> Object:
    return {"type": kind, "status": str(holds), "reason": reason, "message": _short(message)}


def _since(condition: Object, old: Mapping[str, Any] | None, now: str) -> Object:
    before: Mapping[str, Any] = {}
    for one in listing((old or {}).get("conditions")):
        if mapping(one).get("type") == condition["type"]:
            before = mapping(one)
    since = before.get("lastTransitionTime") if before.get("status") == condition["status"] else None
    return {**condition, "observedGeneration": 1, "lastTransitionTime": since or now}


def _policy(one: PolicyStanding, accepted: PolicyObject | None, digests: Digests) -> Object:
    found: Object = {
        "kind": one.key.kind,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "state": one.standing.value,
        "workloads": len(one.workloads),
        "rules": one.rules,
    }
    if accepted is not None:
        found["digest"] = digests.of(accepted)
    if one.failure is not None:
        found["reason"] = one.failure.cause.value
        found["message"] = _short(one.failure.text)
    return found


def _text(one: PolicyStanding) -> str:
    return one.failure.text if one.failure else one.standing.value


def drifts(
    status: Status,
    policies: Mapping[PolicyKey, PolicyObject],
    accepted: Mapping[PolicyKey, PolicyObject],
    seen: Mapping[PolicyKey, Counter[Access]],
    digests: Digests,
) -> Iterator[Drift]:
    """Everything in which the node differs from a policy; `seen` is what their postures would deny.

    Of a policy that selects nothing here only that it is refused.
    """
    on: dict[str, list[PolicyKey]] = {}
    for one in status.standings:
        for name in one.workloads:
            on.setdefault(name, []).append(one.key)
        if one.failure is not None and one.standing is not Standing.PENDING:
            yield Drift("NotEnforced", one.key, one.failure.cause.value, one.failure.text)
        wanted, held = policies.get(one.key), accepted.get(one.key)
        if wanted is None or not one.workloads:
            continue
        if held is not None and held.digest != wanted.digest:
            message = f"generation {wanted.generation} is not enforced: the version before it goes on"
            yield Drift("OutOfDate", one.key, "PreviousVersion", message, digests.of(wanted), digests.of(held))
        rendered = annotated(wanted.given.document)
        if rendered is not None and rendered != digests.of(wanted):
            yield Drift("Edited", one.key, "DigestDiffers", EDITED, rendered[:_MOST_MESSAGE], digests.of(wanted))
    for key, counts in seen.items():
        most = tuple(counts.most_common(MAX_ACCESSES))
        if most:
            message = f"{len(counts)} accesses that the posture would deny if it blocked"
            yield Drift("Behaviour", key, "WouldBeDenied", message, accesses=most)
    tampered: dict[PolicyKey, list[str]] = {}
    everywhere = {key for keys in on.values() for key in keys}
    for found in status.tampered:
        for key in on.get(found.place, ()) if found.place else everywhere:
            tampered.setdefault(key, []).append(str(found))
    for key, said in tampered.items():
        yield Drift("Tampered", key, "KernelDiffers", f"somebody changed what is in the kernel: {'; '.join(said)}")


def kinds(node: str) -> Kinds:
    """The reports on drift of a node."""
    plurals = {"DriftReport": "driftreports", "ClusterDriftReport": "clusterdriftreports"}
    return Kinds(API, plurals, {"fieldSelector": f"spec.nodeName={node}"}, ("status",), has_status=True)


def drift_objects(
    node: str, found: Iterable[Drift], old: Mapping[tuple[str, str], Mapping[str, Any]], now: str
) -> dict[tuple[str, str], Object]:
    """A report for each policy, by namespace and name; beside the policy or, where it has none, for the cluster."""
    by_key: dict[PolicyKey, list[Drift]] = {}
    for one in found:
        by_key.setdefault(one.key, []).append(one)
    objects: dict[tuple[str, str], Object] = {}
    for key, said in by_key.items():
        name = report_name(node, key)
        before = mapping(old.get((key.namespace, name), {}).get("status"))
        objects[key.namespace, name] = {
            "apiVersion": API,
            "kind": "DriftReport" if key.namespace else "ClusterDriftReport",
            "metadata": {"name": name, **({"namespace": key.namespace} if key.namespace else {})},
            "spec": {"nodeName": node, "policy": {"kind": key.kind, "name": key.name}},
            "status": _drift_status(said, before, now),
        }
    return objects


def _drift_status(said: Sequence[Drift], before: Mapping[str, Any], now: str) -> Object:
    first = {one.get("type"): one.get("firstSeen") for one in before.get("drifts", ())}
    final = any(one.kind == "NotEnforced" for one in said)
    conditions = [
        _condition("Ready", False, said[0].reason, said[0].message),
        _condition("Stalled", final, said[0].reason, said[0].message),
    ]
    return {
        "observedGeneration": 1,
        "conditions": [_since(one, before, now) for one in conditions],
        "drifts": [
            {
                "type": one.kind,
                "reason": one.reason,
                "message": _short(one.message),
                "firstSeen": first.get(one.kind) or now,
                **({"expected": one.expected} if one.expected else {}),
                **({"found": one.found} if one.found else {}),
                **({"accesses": [_access(access, count) for access, count in one.accesses]} if one.accesses else {}),
            }
            for one in sorted(said, key=lambda one: one.kind)
        ],
    }


def _access(one: Access, count: int) -> Object:
    found: Object = {"operation": one.operation, "target": one.target, "count": count, "rule": one.rule}
    return found | ({"source": one.source} if one.source else {})


@cache
def report_name(node: str, key: PolicyKey) -> str:
    """Of the report on a policy by a node: readable, and within what a name may be."""
    hashed = hashlib.sha256(f"{node}/{key.kind}/{key.namespace}/{key.name}".encode()).hexdigest()[:10]
    return f"{key.name[:120].strip('-.')}.{node[:120].strip('-.')}.{hashed}"


def _short(message: str) -> str:
    return message if len(message) <= _MOST_MESSAGE else message[: _MOST_MESSAGE - 1] + "…"
