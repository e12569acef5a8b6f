"""What no rule decides: the accesses that the end of an allow-list, and so the posture, is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hauberk.policy.circumstances import TooManyWaysError, Ways, at
from hauberk.policy.decision import Compiled
from hauberk.policy.differences import access_of
from hauberk.policy.model import DOMAIN_OF_OP, Access, Action, Model, Op
from hauberk.policy.rulings import Actor, Numbers, Ranked, conditions_of, outcome
from hauberk.policy.semantics.store import action_of
from hauberk.policy.tables import FAMILIAR_TARGETS
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import Hints, Limit, Wanted

PATH_OPS: tuple[Op, ...] = ("exec", "read")
COUNTED_OPS: tuple[Op, ...] = ("network", "dns", "capability")
"""Operations whose classes can be counted, without an automaton."""


def allow_listed(compiled: Compiled, ops: tuple[Op, ...]) -> list[Op]:
    """Those of `ops` that have an allow-list for a program that no rule names."""
    unnamed = None if compiled.model is Model.HAUBERK else ""
    # without an Allow rule of its domain no list is one, and none need be made to see that
    allowed = {
        rule.domain
        for policy in compiled.policies
        for rule in policy.rules
        if rule.action is Action.ALLOW or action_of(rule) is Action.ALLOW
    }
    return [op for op in ops if DOMAIN_OF_OP[op] in allowed and compiled.list_of(op, unnamed).default.allow_listed]


def counted_ends(compiled: Compiled, who: str, hints: Hints, limit: Limit) -> Iterator[Access]:
    """For each allow-list of network, DNS and capabilities, the plainest access by `who` that no rule decides."""
    for op in allow_listed(compiled, COUNTED_OPS):
        numbers = Numbers()
        name = compiled.source_class(Access(op, source=who, parent_source=who))
        ranked = Ranked(compiled.list_of(op, name), numbers)
        targets = Targets(DOMAIN_OF_OP[op], numbers.views, hints, limit, {})
        for found in targets.classes(Wanted(everything=True)):
            entries, watches = ranked.entries(found.hits), ranked.watches(found.hits)
            try:
                way = Ways().of(conditions_of(entries, watches))[0]
            except TooManyWaysError:
                continue
            said = outcome(ranked, entries, watches, way.holding)
            if said.origin is None and said.target is None:
                yield familiar(compiled, at(access_of(op, Actor((), who, who), found), way))
                break


def familiar(compiled: Compiled, access: Access) -> Access:
    """The same with a target that everybody knows, if that stands under no rule either."""
    for target in FAMILIAR_TARGETS.get(access.op, ()):
        other = replace(access, target=target)
        decision = compiled.decide(other)
        if decision.rule is None and decision == compiled.decide(access):
            return other
    return access
