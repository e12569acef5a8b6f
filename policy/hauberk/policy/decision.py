"""One question, two models: what policies say about an access of a workload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hauberk.policy.lists import (
    Arguments,
    Condition,
    DecisionList,
    Default,
    Entry,
    Origin,
    Watch,
)
from hauberk.policy.model import Access, Decision, Model, Op, Policy, Posture, Workload
from hauberk.policy.selection import selects
from hauberk.policy.semantics.hauberk import Hauberk
from hauberk.policy.semantics.kubearmor import KubeArmor

__all__ = [
    "Arguments",
    "Compiled",
    "Condition",
    "DecisionList",
    "Default",
    "Entry",
    "Origin",
    "Watch",
    "compile_policies",
    "decide",
]


class _Compiler(Protocol):
    def source_class(self, access: Access) -> str | None: ...
    def named_sources(self, op: Op) -> frozenset[str]: ...
    def build(self, op: Op, source: str | None) -> DecisionList: ...


class Compiled:
    """The decision lists of one workload; each is built when first asked for, then kept."""

    __slots__ = ("_compiler", "_lists", "model", "policies")

    def __init__(self, model: Model, policies: tuple[Policy, ...], compiler: _Compiler) -> None:
        self.model = model
        self.policies = policies
        self._compiler = compiler
        self._lists: dict[tuple[Op, str | None], DecisionList] = {}

    def decide(self, access: Access) -> Decision:
        """The decision on one access."""
        return self.list_of(access.op, self._compiler.source_class(access)).decide(access)

    def list_of(self, op: Op, source_class: str | None) -> DecisionList:
        """The list of an operation for a class of sources, see `source_classes`."""
        key = (op, source_class)
        found = self._lists.get(key)
        if found is None:
            found = self._lists[key] = self._compiler.build(op, source_class)
        return found

    def source_class(self, access: Access) -> str | None:
        """The class of the source that acts in `access`."""
        return self._compiler.source_class(access)

    def source_classes(self, op: Op) -> tuple[str | None, ...]:
        """All classes that may have lists of their own, None first.

        hauberk: None is every source that no rule names, an unknown one too. kubearmor: None is an unknown
        source, `""` a known one that no rule names; both models: any other text is that source.
        """
        named = set(self._compiler.named_sources(op))
        if self.model is Model.KUBEARMOR:
            named.add("")
        return (None, *sorted(named))


def compile_policies(model: Model, policies: Sequence[Policy], workload: Workload, posture: Posture) -> Compiled:
    """The lists of `workload` under the policies that select it, given in order of arrival."""
    chosen = tuple(policy for policy in policies if selects(model, policy, workload))
    maker = Hauberk if model is Model.HAUBERK else KubeArmor
    return Compiled(model, chosen, maker(chosen, workload, posture))


def decide(model: Model, policies: Sequence[Policy], workload: Workload, posture: Posture, access: Access) -> Decision:
    """The decision on one access, when no more than that is asked."""
    return compile_policies(model, policies, workload, posture).decide(access)
