"""The workloads of a repository in groups that the same policies select alike, and the exact answers for each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from hauberk.policy.exact import Answers, Group, answers
from hauberk.policy.known import Memory
from hauberk.policy.model import Model, Posture, Workload
from hauberk.policy.repository import Repository
from hauberk.policy.workloads import Target, posture_in

MOST_TARGETS = 2000
"""Workloads of one policy that are looked at; of a policy with more, nothing is said to be dead."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A group that an entry belongs to, with the names of its workloads; not `real` if they are made from selectors."""

    group: Group
    names: tuple[str, ...]
    real: bool
    annotated: frozenset[str]


@dataclass(slots=True)
class Exact:
    """The answers for a repository, worked out where they are not `known` yet."""

    repository: Repository
    configured: Posture | None = None
    known: dict[Group, Answers] = field(default_factory=dict[Group, Answers])
    memory: Memory = field(default_factory=Memory)
    _placed: dict[Workload, tuple[Group, frozenset[str]]] = field(
        default_factory=dict[Workload, tuple[Group, frozenset[str]]]
    )
    _closed: dict[int, bool] = field(default_factory=dict[int, bool])
    _workloads: dict[Group, Workload] = field(default_factory=dict[Group, Workload])

    def stands(self, number: int) -> list[Stand]:
        """The groups of an entry; workloads that are alike for all policies are one."""
        found: dict[Group, tuple[list[str], bool, frozenset[str]]] = {}
        targets = [scene.target for scene in self.repository.scenes(number, MOST_TARGETS)]
        for target in (*targets, *self.repository.selected_otherwise(number)):
            group, annotated = self._group(target)
            names, real, _ = found.setdefault(group, ([], True, annotated))
            names.append(target.name)
            found[group] = names, real and target.manifest is not None, annotated
        return [Stand(group, tuple(names), real, at) for group, (names, real, at) in found.items()]

    def is_complete(self, number: int) -> bool:
        """Whether `stands` has every workload that the policy can select, or one of its kind."""
        return self.repository.is_complete(number, MOST_TARGETS)

    def is_closed(self, number: int) -> bool:
        """Whether no policy of the repository can select a workload of this one without being in all of its groups.

        Without manifests nobody knows which labels meet on one pod: what one policy makes redundant for some pods, it
        may not for those that a third one selects too.
        """
        known = self._closed.get(number)
        if known is None:
            stands = self.stands(number)
            known = self.is_complete(number) and (
                all(stand.real for stand in stands)
                or all(other in stand.group.members for other in self.repository.may_meet(number) for stand in stands)
            )
            self._closed[number] = known
        return known

    def groups(self) -> list[Group]:
        """All groups, in order of the entries."""
        return list(
            dict.fromkeys(
                stand.group for number in range(len(self.repository.entries)) for stand in self.stands(number)
            )
        )

    def of(self, group: Group) -> Answers:
        """The answers for a group."""
        found = self.known.get(group)
        if found is None:
            policies = [self.repository.entries[number].policy for number in group.members]
            found = self.known[group] = answers(group, policies, self._workloads[group], self.memory)
        return found

    def identity(self, group: Group) -> bytes | None:
        """A digest of all that the answers depend on besides this program; None where the texts are not known."""
        digest = hashlib.sha256(repr((group.hauberk, group.kubearmor, group.posture, group.namespace)).encode())
        for number in group.members:
            own = self.repository.entries[number].digest
            if not own:
                return None
            digest.update(own)
        return digest.digest()

    def _group(self, target: Target) -> tuple[Group, frozenset[str]]:
        workload = target.workload
        found = self._placed.get(workload)
        if found is None:
            namespace = self.repository.namespaces.get(workload.namespace or "")
            posture, annotated = posture_in(namespace, self.configured or Posture())
            sides = [self.repository.selecting(model, workload) for model in (Model.HAUBERK, Model.KUBEARMOR)]
            members = tuple(sorted({*sides[0], *sides[1]}))
            hauberk, kubearmor = (tuple(number in side for number in members) for side in map(set, sides))
            group = Group(members, hauberk, kubearmor, posture, workload.namespace)
            found = self._placed[workload] = group, annotated
            self._workloads.setdefault(group, workload)
        return found
