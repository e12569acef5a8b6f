"""`hauberk status`: what all nodes say of themselves, rolled up by policy (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hauberk.policy.digest import EDITED, annotated, digest
from hauberk.policy.loose import listing, mapping
from hauberk.policy.reportcrds import STATES

Document = Mapping[str, Any]
_ORDER = ("Enforced", "Pending", "Partial", "Refused")
"""From the best to the worst: of a policy on many nodes, the worst counts."""
_GONE = "what it said before may hold no more, as its daemon or the node is gone"
_AT = "%Y-%m-%dT%H:%M:%SZ"
_LEASES = "hauberk-enforcer-"
"""What the names of Leases begin with; the node's follows."""
_SKEW = 60.0
"""Seconds that clocks of nodes and of who asks may differ."""
assert set(_ORDER) == set(STATES)  # noqa: S101  a constant of another module


@dataclass(slots=True)
class PolicyState:
    """One policy on all nodes: `state` is the lowest, `nodes` say how many have which, `reasons` who says why."""

    kind: str
    namespace: str
    name: str
    state: str = "Enforced"
    nodes: dict[str, int] = field(default_factory=dict[str, int])
    workloads: int = 0
    digests: set[str] = field(default_factory=set[str])
    reasons: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.namespace, self.name

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Reported:
    """One drift of one policy on one node, as the node reports it."""

    policy: str
    node: str
    kind: str
    message: str
    since: str


@dataclass(slots=True)
class Fleet:
    cluster: str
    nodes: int = 0
    ready: int = 0
    troubled: dict[str, str] = field(default_factory=dict[str, str])
    policies: list[PolicyState] = field(default_factory=list[PolicyState])
    nowhere: list[str] = field(default_factory=list[str])
    """Policies that no node speaks of: they select nothing that runs, or are new."""
    notes: list[str] = field(default_factory=list[str])
    """What could not be looked at."""
    drifts: list[Reported] = field(default_factory=list[Reported])

    @property
    def well(self) -> bool:
        """Every node is ready, every policy enforced in one version, and nothing drifts."""
        states = all(one.state == "Enforced" and len(one.digests) <= 1 for one in self.policies)
        return states and not self.troubled and not self.drifts


def rolled_up(
    cluster: str,
    nodes: Iterable[Document],
    reports: Iterable[Document],
    policies: Iterable[Document] = (),
    notes: Iterable[str] = (),
    beats: Iterable[Document] | None = None,
    now: datetime | None = None,
) -> Fleet:
    """`nodes` are NodePolicyStatus objects, `reports` DriftReports and their twins, `policies` those of the cluster.

    `beats` are the Leases of daemons: a node is ready only while its daemon lives. None: nobody knows.
    """
    fleet = Fleet(cluster, notes=list(notes))
    nodes = list(nodes)
    if beats is not None and now is not None:
        names = [_name(node) for node in nodes]
        fleet.troubled = _silent(names, beats, now)
    found: dict[tuple[str, str, str], PolicyState] = {}
    for node in nodes:
        _node(fleet, node, found)
    fleet.policies = sorted(found.values(), key=lambda one: (-_ORDER.index(one.state), one.shown))
    for policy in policies if fleet.nodes else ():
        one = _named(policy)
        if one.key not in found:
            fleet.nowhere.append(one.shown)
            fleet.drifts += _edited(one, policy)
    fleet.nowhere.sort()
    for report in reports:
        fleet.drifts += reported(report)
    fleet.drifts.sort()
    return fleet


def _silent(names: Iterable[str], beats: Iterable[Document], now: datetime) -> dict[str, str]:
    """Why nodes are taken for silent, by name."""
    spent: dict[str, tuple[datetime, float]] = {}
    for beat in beats:
        spec, name = mapping(beat.get("spec")), _name(beat)
        if not name.startswith(_LEASES):
            continue
        try:
            at = datetime.fromisoformat(str(spec.get("renewTime"))).astimezone(UTC)
            spent[name.removeprefix(_LEASES)] = at, float(spec.get("leaseDurationSeconds") or 0)
        except (ValueError, TypeError, OverflowError):
            continue
    found: dict[str, str] = {}
    for name in names:
        if name not in spent:
            found[name] = f"has no heartbeat: {_GONE}"
            continue
        at, seconds = spent.pop(name)
        quiet = (now - at).total_seconds()
        if quiet > seconds + _SKEW:
            found[name] = f"silent since {at:{_AT}}, {quiet / 60:.0f} minutes: {_GONE}"
        elif quiet < -_SKEW:
            found[name] = f"has a heartbeat of {at:{_AT}}, which is to come: a clock is wrong"
    for name, (at, seconds) in spent.items():
        if (now - at).total_seconds() <= seconds + _SKEW:
            found[name] = "its daemon lives and has said nothing yet"
    return found


def _name(one: Document) -> str:
    return str(mapping(one.get("metadata")).get("name") or "")


def _named(policy: Document) -> PolicyState:
    metadata = mapping(policy.get("metadata"))
    return PolicyState(str(policy.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))


def _edited(one: PolicyState, policy: Document) -> Iterable[Reported]:
    """What nodes say of policies that select something there: with its selector, a policy loses who would say it."""
    expected = annotated(policy)
    if expected is not None and expected != digest(policy):
        yield Reported(one.shown, "no node", "Edited", EDITED, "")


def _node(fleet: Fleet, node: Document, found: dict[tuple[str, str, str], PolicyState]) -> None:
    name = _name(node)
    status = mapping(node.get("status"))
    fleet.nodes += 1
    conditions = {str(one.get("type")): one for one in map(mapping, listing(status.get("conditions")))}
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True":
        fleet.troubled.setdefault(name, str(ready.get("message") or "it has said nothing yet"))
    elif name not in fleet.troubled:
        fleet.ready += 1
    for one in map(mapping, listing(status.get("policies"))):
        key = (str(one.get("kind")), str(one.get("namespace") or ""), str(one.get("name")))
        held = found.setdefault(key, PolicyState(*key))
        state = str(one.get("state"))
        if state not in _ORDER:
            continue
        held.nodes[state] = held.nodes.get(state, 0) + 1
        held.state = max(held.state, state, key=_ORDER.index)
        workloads = one.get("workloads")
        held.workloads += workloads if isinstance(workloads, int) else 0
        if one.get("digest"):
            held.digests.add(str(one["digest"]))
        if state != "Enforced":
            held.reasons.setdefault(str(one.get("message") or one.get("reason") or ""), []).append(name)


def reported(report: Document) -> Iterable[Reported]:
    """What a DriftReport or its twin says."""
    spec, status = mapping(report.get("spec")), mapping(report.get("status"))
    policy, namespace = mapping(spec.get("policy")), mapping(report.get("metadata")).get("namespace")
    name = f"{namespace}/{policy.get('name')}" if namespace else str(policy.get("name"))
    for one in map(mapping, listing(status.get("drifts"))):
        yield Reported(
            f"{policy.get('kind')} {name}",
            str(spec.get("nodeName")),
            str(one.get("type")),
            str(one.get("message") or ""),
            str(one.get("firstSeen") or ""),
        )
