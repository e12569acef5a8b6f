"""The decision lists of one domain as searches for reach read them, with the matchers of all of them numbered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from hauberk.policy.circumstances import Ways
from hauberk.policy.decision import Compiled
from hauberk.policy.listed import NO_RULE, NONE, PRESET, UNCONDITIONAL, Listed, Ruled
from hauberk.policy.lists import Condition, DecisionList, Origin
from hauberk.policy.matching import Target
from hauberk.policy.model import Domain, Op
from hauberk.policy.rulings import Actor, Key, Numbers, Ranked, actors, key_of, ops_of
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import FIRST, LAST, Hints, Limit, Order, TargetClass


class DomainLists:
    """Every list that says something of its own, and whose its entries are.

    `rules` are those of the domain; each gets its matchers. `actors` are all that were asked. `targets` also knows the
    matchers that are numbered later, up to its first search.
    """

    def __init__(
        self,
        compiled: Compiled,
        domain: Domain,
        rules: dict[Key, Ruled],
        hints: Hints,
        limit: Limit,
        sources: Collection[str | None] | None = None,
    ) -> None:
        """`sources` are those whose lists are needed besides those of programs that nothing names, None for all."""
        self._sources = sources
        self.compiled = compiled
        self.rules = list(rules.values())
        self.numbers = Numbers()
        self.ways = Ways()
        self.all: list[Listed] = []
        self.actors: list[tuple[Op, Actor]] = []
        self.presets: dict[Key, tuple[int, Origin]] = {}
        self._common: list[Listed] = []
        self._special_of: dict[int, list[Listed]] = {}
        self._known: dict[str | None, list[Ranked]] = {}
        owner = _owner(rules, self.presets)
        for op in ops_of(domain):
            self._add(op, owner)
        self.targets = Targets(domain, self.numbers.views, hints, limit, {})

    def _add(self, op: Op, owner: Callable[[Origin | None], int]) -> None:
        base: Ranked | None = None
        for actor in actors((self.compiled,), op):
            (source,) = actor.classes
            if source and self._sources is not None and source not in self._sources:
                continue
            self.actors.append((op, actor))
            decisions = self.compiled.list_of(op, source)
            known = self._known.setdefault(source, [])
            like = next((other for other in known if _says_the_same(decisions, other.list)), None)
            if like is not None:
                # writing and modifying, say: what the one shows the other need not
                base = base or like
                continue
            ranked = Ranked(decisions, self.numbers, base)
            known.append(ranked)
            base = base or ranked
            if ranked.own is not None and not ranked.own:
                continue
            listed = Listed(op, actor, ranked, owner)
            self.all.append(listed)
            if ranked.own is None:
                self._common.append(listed)
            for number in ranked.own or ():
                self._special_of.setdefault(number, []).append(listed)
            for place in ranked.own_places:
                self._claim(listed.owners[place], ranked.list.entries[place].target)
            for place, watch in enumerate(ranked.list.watches):
                self._claim(listed.watchers[place], watch.target)

    def _claim(self, owner: int, target: Target) -> None:
        if owner >= 0:
            self.rules[owner].matchers.add(self.numbers.of(self.compiled.model, target))

    def concerned(self, found: TargetClass) -> Iterator[Listed]:
        """The lists that may say something about a class that the usual one of its operation does not."""
        yield from self._common
        if self._special_of:
            hits = (*found.hits, *found.loose)
            yield from {id(one): one for number in hits for one in self._special_of.get(number, ())}.values()

    def holding(self, rule: Ruled) -> list[Listed]:
        """The lists that may have entries of a rule."""
        special = {id(one): one for number in rule.matchers for one in self._special_of.get(number, ())}
        return [*self._common, *special.values()]

    def no_order(self) -> Order:
        """For searches to which no name can show anything by what it hits besides."""
        count = len(self.numbers.views)
        return Order([LAST] * count, [True] * count, [FIRST] * count, [FIRST] * count)


def _owner(rules: dict[Key, Ruled], presets: dict[Key, tuple[int, Origin]]) -> Callable[[Origin | None], int]:
    """The numbers of rules and presets; not a method, as lists that knew all lists would stay until they are swept."""

    def owner(origin: Origin | None) -> int:
        if origin is None:
            return NO_RULE
        key = key_of(origin)
        rule = rules.get(key)
        if rule is not None:
            return rule.place
        presets.setdefault(key, (PRESET - len(presets), origin))
        return presets[key][0]

    return owner


def conditions(listed: Listed, places: Sequence[int], watches: Sequence[int]) -> frozenset[Condition]:
    """What entries and watches at these places ask besides their targets."""
    found = {listed.conditions[place] for place in places}
    if not watches and found == UNCONDITIONAL:
        return NONE
    for watch in watches:
        on = listed.watch_on[watch]
        if on is not None:
            found.update(on)
    return frozenset(condition for condition in found if condition is not None)


def _says_the_same(one: DecisionList, other: DecisionList) -> bool:
    return (
        len(one.entries) == len(other.entries)
        and one.default == other.default
        and one.entries == other.entries
        and one.watches == other.watches
    )
