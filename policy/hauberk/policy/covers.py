"""What covers: for rules that are never reached, the rules that stand before them at every access they match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from hauberk.policy.circumstances import Way, at
from hauberk.policy.decision import Compiled
from hauberk.policy.differences import access_of
from hauberk.policy.listed import NO_RULE, Listed, Ruled
from hauberk.policy.lists import ALWAYS
from hauberk.policy.model import Op
from hauberk.policy.reachlists import DomainLists, conditions
from hauberk.policy.rulings import Actor, Ranked, conditions_of
from hauberk.policy.wanted import TargetClass, Wanted

_MOST_CANDIDATES = 2_000
_MOST_BEFORE = 64
"""Of the rules that stand before another at one access; fewer are still a cover, if not always the smallest."""


@dataclass(frozen=True, slots=True)
class _Alone:
    """A rule that stands in no list, because others took its place, in the list it would make alone."""

    rule: Ruled
    op: Op
    actor: Actor
    own: Ranked
    matchers: frozenset[int]


class Covers:
    """Make it before the first search: `alone` brings lists, and matchers, of rules that stand in none.

    `alone` gives what a rule that others took the place of would be by itself, or None.
    """

    def __init__(self, lists: DomainLists, alone: Callable[[Ruled], Compiled | None]) -> None:
        self._lists = lists
        self._alone: dict[int, list[_Alone]] = {}
        self._orders: set[tuple[int, ...]] = set()
        self._fresh: list[int] = []
        for rule in lists.rules:
            found = None if rule.matchers else alone(rule)
            if found is not None:
                self._add_alone(rule, found)

    def _add_alone(self, rule: Ruled, alone: Compiled) -> None:
        for op, actor in self._lists.actors:
            decisions = alone.list_of(op, alone.source_class(actor.access(op)))
            own = Ranked(decisions, self._lists.numbers)
            matchers = frozenset(
                self._lists.numbers.of(decisions.model, entry.target)
                for entry in decisions.entries
                if entry.origin is not None and entry.origin.entry is rule.origin.entry
            )
            if matchers:
                self._alone.setdefault(rule.place, []).append(_Alone(rule, op, actor, own, matchers))

    def find(self, rules: Sequence[Ruled]) -> None:
        """Notes in each rule an access that it matches, and the sets of rules of which one stands before it."""
        lists = self._lists
        left = {rule.place for rule in rules if rule.matchers}
        simple = {rule.place: rule for rule in rules if rule.candidates}
        matchers = {rule.place: rule.matchers for rule in rules}
        replaced: dict[int, list[_Alone]] = {}
        for rule in rules:
            for one in self._alone.get(rule.place, ()):
                matchers[rule.place] = matchers[rule.place] | one.matchers
                for number in one.matchers:
                    replaced.setdefault(number, []).append(one)
        waiting = Counter(number for own in matchers.values() for number in own)
        wanted = Wanted(waiting, order=lists.no_order())
        for found in lists.targets.classes(wanted):
            for number in found.hits if replaced else ():
                for one in replaced.get(number, ()):
                    self._instead(one, found)
            for listed in lists.concerned(found):
                places = listed.ranked.places((*found.hits, *found.loose) if found.loose else found.hits)
                owners = listed.owners
                if not left.isdisjoint([owners[place] for place in places]):
                    for way in lists.ways.of(conditions(listed, places, ())):
                        self._before(listed, found, way, places, left, simple)
            for place in self._fresh:
                # of the others the covers are looked for everywhere
                if place in simple or place not in left:
                    left.discard(place)
                    waiting.subtract(matchers[place])
                    wanted.ids.difference_update(number for number in matchers[place] if not waiting[number])
            self._fresh.clear()

    def _before(
        self,
        listed: Listed,
        found: TargetClass,
        way: Way,
        places: Sequence[int],
        left: Collection[int],
        simple: Collection[int],
    ) -> None:
        conditions, owners, holding = listed.conditions, listed.owners, way.holding
        order = tuple([owners[p] for p in places if (c := conditions[p]) is None or c in holding])
        if order in self._orders:
            # of the operations of one access, say, most have the same rules in the same order
            return
        self._orders.add(order)
        before: dict[int, None] = {}
        for owner in order:
            if owner in before:
                continue
            if owner in left:
                rule = self._lists.rules[owner]
                if rule.covered is None:
                    rule.covered = at(access_of(listed.op, listed.actor, found), way)
                    self._fresh.append(owner)
                if owner not in simple and NO_RULE not in before and len(rule.candidates) < _MOST_CANDIDATES:
                    rule.candidates[frozenset(islice(before, _MOST_BEFORE))] = None
            before[owner] = None

    def _instead(self, one: _Alone, found: TargetClass) -> None:
        """An access that the rule would decide if it were alone."""
        rule = one.rule
        if rule.covered is not None:
            return
        own = one.own.entries(found.hits)
        for way in self._lists.ways.of(conditions_of(own, ())):
            alone = next((e for e in own if e.condition is ALWAYS or e.condition in way.holding), None)
            if alone is not None and alone.origin is not None and alone.origin.entry is rule.origin.entry:
                rule.covered = at(access_of(one.op, one.actor, found), way)
                self._fresh.append(rule.place)
                return
