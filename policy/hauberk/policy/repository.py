"""All policies and manifests of a run, and which policies select a common workload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hauberk.policy.model import Kind, Model, Policy, Posture, Workload
from hauberk.policy.problems import HauberkError
from hauberk.policy.selection import selects
from hauberk.policy.workloads import (
    CONTAINER_NAME,
    MAX_STAND_INS,
    Manifest,
    Namespace,
    Node,
    Place,
    Pods,
    Target,
    joined,
    posture_in,
    stand_ins,
    targets_of,
)

MAX_TARGETS = 20
_MAX_MEETINGS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy with its place; `lines` are those of its rules, then of its presets, in their order.

    `digest` stands for the text that it was read from, b"" where that is not known.
    """

    policy: Policy
    place: Place
    lines: tuple[int, ...]
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Scene:
    """A workload and the numbers of the entries that select it, in order of the repository."""

    target: Target
    entries: tuple[int, ...]


@dataclass(slots=True)
class Repository:
    """Entries in order of files; that order stands for the order of arrival wherever the kubearmor model needs one."""

    entries: Sequence[Entry]
    manifests: Sequence[Manifest] = ()
    namespaces: dict[str, Namespace] = field(init=False)
    _targets: list[Target] = field(init=False)
    _by_label: dict[tuple[str, str, str], list[int]] = field(init=False)
    _unlabelled: dict[str, list[int]] = field(init=False)
    _everywhere: list[int] = field(init=False)
    _hosts: list[int] = field(init=False)
    _scenes: dict[Workload, Scene] = field(init=False)
    _stand_ins: dict[int, list[Target]] = field(init=False)
    _meeting: dict[tuple[str, str, str], dict[Workload, Target]] | None = field(init=False, default=None)
    _names: dict[tuple[str, str | None, str], list[int]] = field(init=False)
    _bare_names: dict[str, list[int]] = field(init=False)
    _targets_by_label: dict[tuple[str, str, str], list[int]] = field(init=False)
    _targets_by_namespace: dict[str | None, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.namespaces = {item.name: item for item in self.manifests if isinstance(item, Namespace)}
        self._targets = [t for item in self.manifests if isinstance(item, Pods | Node) for t in targets_of(item)]
        self._scenes, self._stand_ins = {}, {}
        self._index_policies()
        self._targets_by_label, self._targets_by_namespace = defaultdict(list), defaultdict(list)
        for number, target in enumerate(self._targets):
            workload = target.workload
            self._targets_by_namespace[workload.namespace].append(number)
            for key, value in workload.labels:
                self._targets_by_label[workload.namespace or "", key, value].append(number)

    def _index_policies(self) -> None:
        self._by_label, self._unlabelled = defaultdict(list), defaultdict(list)
        self._everywhere, self._hosts = [], []
        self._names, self._bare_names = defaultdict(list), defaultdict(list)
        for number, entry in enumerate(self.entries):
            policy = entry.policy
            self._names[policy.kind, policy.effective_namespace, policy.name].append(number)
            match policy.kind:
                case Kind.HOST:
                    self._hosts.append(number)
                case Kind.CLUSTER:
                    self._everywhere.append(number)
                case Kind.POLICY:
                    self._bare_names[policy.name].append(number)
                    namespace = policy.effective_namespace or ""
                    label = _indexed_label(policy)
                    if label is None:
                        self._unlabelled[namespace].append(number)
                    else:
                        self._by_label[namespace, *label].append(number)

    def duplicates(self, number: int) -> list[int]:
        """Other entries with the same kind, namespace and name."""
        policy = self.entries[number].policy
        if not policy.name:
            return []
        return [other for other in self._names[policy.kind, policy.effective_namespace, policy.name] if other != number]

    def same_name(self, number: int) -> list[int]:
        """For a cluster policy: the KubeArmorPolicies of the same name, whatever their namespace."""
        policy = self.entries[number].policy
        if policy.kind is not Kind.CLUSTER or not policy.name:
            return []
        return list(self._bare_names.get(policy.name, ()))

    def selectable(self, number: int) -> tuple[int, list[Target]]:
        """How many manifest workloads stand where the policy could select them, and those it does select."""
        policy = self.entries[number].policy
        if policy.kind is Kind.CLUSTER:
            count = sum(len(found) for namespace, found in self._targets_by_namespace.items() if namespace is not None)
            candidates: Iterable[int] = (n for n, t in enumerate(self._targets) if t.workload.namespace is not None)
        else:
            namespace = policy.effective_namespace
            count = len(self._targets_by_namespace.get(namespace, ()))
            label = _indexed_label(policy) if policy.kind is Kind.POLICY else None
            if label is not None:
                candidates = self._targets_by_label.get((namespace or "", *label), ())
            else:
                candidates = self._targets_by_namespace.get(namespace, ())
        chosen = [self._targets[n] for n in candidates if selects(Model.HAUBERK, policy, self._targets[n].workload)]
        return count, chosen

    def targets(self) -> list[Target]:
        """Every workload to ask about: of all manifests, and stand-ins for policies that select none of them."""
        found: dict[str, Target] = {}
        for target in self._targets:
            name, count = target.name, 1
            while name in found and found[name].workload != target.workload:
                # a base and its overlay, say: two manifests of one name and other labels
                count += 1
                name = f"{target.name} ({count})"
            found[name] = target if name == target.name else replace(target, name=name)
        for number in range(len(self.entries)):
            if not self.selectable(number)[1]:
                for target in self._own(number):
                    found.setdefault(target.name, target)
        return list(found.values())

    def target(self, wanted: str | None) -> Target:
        """The workload of that name, or the only one there is; raises HauberkError with the names to choose from."""
        targets = {target.name: target for target in self.targets()}
        if wanted is None and len(targets) == 1:
            return next(iter(targets.values()))
        found = [target for name, target in targets.items() if wanted and wanted in (name, name.partition("/")[2])]
        found = found or [target for name, target in targets.items() if wanted and wanted in name]
        if len(found) == 1:
            return found[0]
        names = "\n  ".join(sorted(targets)[:30])
        if wanted is None:
            raise HauberkError(f"several workloads; name one with --workload:\n  {names}")
        what = "more than one workload" if found else "no such workload"
        raise HauberkError(f"{wanted}: {what} in the files that were named, which have:\n  {names}")

    def posture(self, target: Target, configured: Posture, given: str | None) -> tuple[Posture, str]:
        """The posture that holds for the workload, and where it comes from."""
        if given is not None:
            return Posture(given, given, given), "--posture"
        posture, annotated = posture_in(self.namespaces.get(target.workload.namespace or ""), configured)
        if annotated:
            return posture, f"annotations of namespace {target.workload.namespace}"
        return posture, "default" if configured == Posture() else "hauberk.yaml"

    def candidates(self, workload: Workload) -> list[Policy]:
        """Policies that may select the workload, under either model, in order of arrival: the others surely do not."""
        return [self.entries[number].policy for number in self._candidates(workload)]

    def scenes(self, number: int, most: int = MAX_TARGETS) -> list[Scene]:
        """The workloads to judge an entry on: of manifests that it selects, else stand-ins made from its selector."""
        _, chosen = self.selectable(number)
        targets = chosen[:most] or [*self._own(number), *self._joined(number)]
        found: dict[Workload, Scene] = {}
        for target in targets:
            scene = self._scene(target)
            if number in scene.entries:
                found.setdefault(target.workload, scene)
        return list(found.values())[:most]

    def selected_otherwise(self, number: int) -> list[Target]:
        """Workloads of manifests that only the kubearmor model lets the policy select."""
        policy = self.entries[number].policy
        labels = dict(policy.selector.match_labels)
        if policy.kind is Kind.HOST or not (policy.selector.expressions or CONTAINER_NAME in labels):
            return []
        return [
            target
            for target in self._targets
            if selects(Model.KUBEARMOR, policy, target.workload) and not selects(Model.HAUBERK, policy, target.workload)
        ]

    def is_complete(self, number: int, most: int) -> bool:
        """Whether `scenes` with this bound has every kind of workload that the policy can select."""
        _, chosen = self.selectable(number)
        return len(chosen) <= most if chosen else len(self._own(number)) < MAX_STAND_INS

    def may_meet(self, number: int) -> list[int]:
        """Other entries whose selectors can hold for a workload that this one selects, for all that is known."""
        policy = self.entries[number].policy
        return [o for o, entry in enumerate(self.entries) if o != number and not _are_apart(policy, entry.policy)]

    def selecting(self, model: Model, workload: Workload) -> tuple[int, ...]:
        """The entries that select the workload under a model, in order of the repository."""
        return tuple(n for n in self._candidates(workload) if selects(model, self.entries[n].policy, workload))

    def _own(self, number: int) -> list[Target]:
        if number not in self._stand_ins:
            self._stand_ins[number] = stand_ins(self.entries[number].policy)
        return self._stand_ins[number]

    def _joined(self, number: int) -> Iterator[Target]:
        """Workloads that this selector and another one, with which it shares a label, can both hold for."""
        if self._meeting is None:
            self._meeting = defaultdict(dict)
            for other in range(len(self.entries)):
                for target in self._own(other):
                    for key, value in target.workload.labels:
                        self._meeting[target.workload.namespace or "", key, value].setdefault(target.workload, target)
        seen: set[Workload] = set()
        for own in self._own(number):
            for key, value in own.workload.labels:
                meeting = self._meeting.get((own.workload.namespace or "", key, value), {})
                for other_target in list(meeting.values())[:_MAX_MEETINGS]:
                    both = joined(own, other_target)
                    if both is not None and both.workload not in seen:
                        seen.add(both.workload)
                        yield both
                        if len(seen) == MAX_STAND_INS:
                            return

    def _scene(self, target: Target) -> Scene:
        scene = self._scenes.get(target.workload)
        if scene is None:
            entries = tuple(n for n in self._candidates(target.workload) if self._selects(n, target.workload))
            scene = self._scenes[target.workload] = Scene(target, entries)
        return scene

    def _selects(self, number: int, workload: Workload) -> bool:
        return selects(Model.HAUBERK, self.entries[number].policy, workload)

    def _candidates(self, workload: Workload) -> list[int]:
        if workload.namespace is None:
            return self._hosts
        found = [*self._everywhere, *self._unlabelled.get(workload.namespace, ())]
        for key, value in workload.labels:
            found.extend(self._by_label.get((workload.namespace, key, value), ()))
        return sorted(found)


def _are_apart(one: Policy, other: Policy) -> bool:
    """Whether no workload has both."""
    if (one.kind is Kind.HOST) is not (other.kind is Kind.HOST):
        return True
    if one.kind is other.kind is Kind.POLICY and one.effective_namespace != other.effective_namespace:
        return True
    labels = dict(other.selector.match_labels)
    return any(labels.get(key, value) != value for key, value in one.selector.match_labels if key != CONTAINER_NAME)


def _indexed_label(policy: Policy) -> tuple[str, str] | None:
    """A label that every workload it selects has: policies and workloads are looked up by it."""
    return next((pair for pair in policy.selector.match_labels if pair[0] != CONTAINER_NAME), None)
