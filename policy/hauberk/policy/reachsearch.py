"""The search behind `reach`: one pass over the classes of a domain for what decides, one more for what covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from hauberk.policy.circumstances import TooManyWaysError, Way, Ways, at
from hauberk.policy.decision import Compiled
from hauberk.policy.differences import access_of
from hauberk.policy.listed import NO_RULE, NONE, PRESET, UNCONDITIONAL, Effect, Listed, Ruled
from hauberk.policy.lists import ALWAYS, Condition, DecisionList, Entry, Origin
from hauberk.policy.matching import Exact, Glob, Named, Target
from hauberk.policy.model import Action, Domain, Op, Rule, Verdict
from hauberk.policy.rulings import (
    Actor,
    Key,
    Numbers,
    Ranked,
    Voice,
    actors,
    conditions_of,
    key_of,
    ops_of,
)
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import FIRST, LAST, Hints, Level, Limit, Order, TargetClass, Wanted

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


class DomainReach:
    """All rules of one domain of one compiled set of policies."""

    def __init__(
        self,
        compiled: Compiled,
        domain: Domain,
        rules: dict[Key, Ruled],
        alone: Callable[[Ruled], Compiled | None],
        hints: Hints,
        limit: Limit,
    ) -> None:
        self._compiled = compiled
        self._domain: Domain = domain
        self._rules = rules
        self._places = list(rules.values())
        self._numbers = Numbers()
        self._ways = Ways()
        self._lists: list[Listed] = []
        self._asked: set[int] = set()
        self.presets: dict[Key, tuple[int, Origin]] = {}
        self._common: list[Listed] = []
        self._special_of: dict[int, list[Listed]] = {}
        self._actors: list[tuple[Op, Actor]] = []
        self._alone: list[_Alone] = []
        self._orders: set[tuple[int, ...]] = set()
        self._fresh: list[int] = []
        self._known: dict[str | None, list[Ranked]] = {}
        for op in ops_of(domain):
            self._add_lists(op)
        for rule in rules.values():
            found = None if rule.matchers else alone(rule)
            if found is not None:
                self._add_alone(rule, found)
        self.targets = Targets(domain, self._numbers.views, hints, limit, {})

    def _add_lists(self, op: Op) -> None:
        base: Ranked | None = None
        for actor in actors((self._compiled,), op):
            (source,) = actor.classes
            self._actors.append((op, actor))
            decisions = self._compiled.list_of(op, source)
            known = self._known.setdefault(source, [])
            like = next((other for other in known if _says_the_same(decisions, other.list)), None)
            if like is not None:
                # writing and modifying, say: what the one shows the other need not
                base = base or like
                continue
            ranked = Ranked(decisions, self._numbers, base)
            known.append(ranked)
            base = base or ranked
            if ranked.own is not None and not ranked.own:
                continue
            listed = Listed(op, actor, ranked, self._owner)
            self._lists.append(listed)
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
            self._places[owner].matchers.add(self._numbers.of(self._compiled.model, target))

    def _owner(self, origin: Origin | None) -> int:
        if origin is None:
            return NO_RULE
        key = key_of(origin)
        rule = self._rules.get(key)
        if rule is not None:
            return rule.place
        self.presets.setdefault(key, (PRESET - len(self.presets), origin))
        return self.presets[key][0]

    def _add_alone(self, rule: Ruled, alone: Compiled) -> None:
        for op, actor in self._actors:
            decisions = alone.list_of(op, alone.source_class(actor.access(op)))
            own = Ranked(decisions, self._numbers)
            matchers = frozenset(
                self._numbers.of(decisions.model, entry.target)
                for entry in decisions.entries
                if entry.origin is not None and entry.origin.entry is rule.origin.entry
            )
            if matchers:
                self._alone.append(_Alone(rule, op, actor, own, matchers))

    # -- what decides

    def search(self) -> None:
        """Finds out what is reached, then of that what is needed."""
        asked: list[Ruled] = []
        for rule in self._places:
            always = self._always_before(rule) if rule.matchers else None
            if always is not None:
                rule.candidates[frozenset((always,))] = None
            elif rule.matchers:
                asked.append(rule)
        # what hits more has more that stands before it: a rule is reached by other names if by any
        self._pass(asked, lambda rule: rule.reached is not None, None)
        left = [rule for rule in self._places if rule.asked and rule.reached is not None and not rule.settled]
        if self.targets.exhausted is None:
            self._pass(left, lambda rule: rule.settled, self._order({rule.place for rule in left}))

    def _pass(self, rules: Sequence[Ruled], done: Callable[[Ruled], bool], order: Order | None) -> None:
        waiting = Counter(number for rule in rules for number in rule.matchers)
        left = self._asked = {rule.place for rule in rules}
        wanted = Wanted(waiting, order=order or self._no_order())
        for found in self.targets.classes(wanted):
            for listed in self._concerned(found):
                for rule in self._judge(listed, found):
                    if rule.place in left and done(rule):
                        left.discard(rule.place)
                        waiting.subtract(rule.matchers)
                        wanted.ids.difference_update(number for number in rule.matchers if not waiting[number])

    def _no_order(self) -> Order:
        """For searches to which no name can show anything by what it hits besides."""
        count = len(self._numbers.views)
        return Order([LAST] * count, [True] * count, [FIRST] * count, [FIRST] * count)

    def _order(self, asked: Collection[int]) -> Order:
        """Where the entries stand; what belongs to a preset or to sources of its own stands before the rest."""
        count = len(self._numbers.views)
        first, quiet, last, loud = [LAST] * count, [True] * count, [FIRST] * count, [FIRST] * count
        for listed in self._lists:
            for place in listed.ranked.own_places:
                entry, owner = listed.ranked.list.entries[place], listed.owners[place]
                number = self._numbers.of(self._compiled.model, entry.target)
                early, late = _levels(entry, self._places[owner] if owner >= 0 else None)
                passes = listed.effects[place] == (Verdict.ALLOWED, None)
                if owner in asked:
                    first[number] = min(first[number], early)
                    quiet[number] = quiet[number] and passes
                last[number] = max(last[number], late)
                if not passes:
                    loud[number] = max(loud[number], late)
        return Order(first, quiet, last, loud)

    def _concerned(self, found: TargetClass) -> Iterator[Listed]:
        yield from self._common
        if self._special_of:
            hits = (*found.hits, *found.loose)
            yield from {id(one): one for number in hits for one in self._special_of.get(number, ())}.values()

    def _judge(self, listed: Listed, found: TargetClass) -> list[Ruled]:
        """Reads one list for one class; the rules about which something new is known."""
        hits = (*found.hits, *found.loose) if found.loose else found.hits
        places, watches = listed.deciding(listed.ranked.places(hits)), listed.ranked.watch_places(hits)
        owners = listed.owners
        if self._asked.isdisjoint([owners[place] for place in places]) and (
            not watches or self._asked.isdisjoint([listed.watchers[place] for place in watches])
        ):
            return []
        learnt: list[Ruled] = []
        try:
            for way in self._ways.of(self._conditions(listed, places, watches)):
                self._read(listed, found, way, places, watches, learnt)
            if self.targets.loose:
                self._suppose(listed, found)
        except TooManyWaysError:
            for owner in (*(owners[place] for place in places), *(listed.watchers[place] for place in watches)):
                self._doubt(owner, "the combinations of its argument lists")
        return learnt

    @staticmethod
    def _conditions(listed: Listed, places: Sequence[int], watches: Sequence[int]) -> frozenset[Condition]:
        conditions = listed.conditions
        found = {conditions[place] for place in places}
        if not watches and found == UNCONDITIONAL:
            return NONE
        for watch in watches:
            on = listed.watch_on[watch]
            if on is not None:
                found.update(on)
        return frozenset(condition for condition in found if condition is not None)

    def _read(
        self,
        listed: Listed,
        found: TargetClass,
        way: Way,
        places: Sequence[int],
        watches: Sequence[int],
        learnt: list[Ruled],
    ) -> None:
        conditions, owners, rules = listed.conditions, listed.owners, self._places
        holding = way.holding
        first = second = owner = NO_RULE
        for place in places:
            condition = conditions[place]
            if condition is None or condition in holding:
                if first < 0:
                    first, owner = place, owners[place]
                elif owners[place] != owner:
                    second = place
                    break
        said: list[int] = []
        if watches:
            said = [w for w in watches if (on := listed.watch_on[w]) is None or not holding.isdisjoint(on)]
        decided = listed.effects[first] if first >= 0 else listed.end
        if owner >= 0 and not rules[owner].settled:
            without = listed.effects[second] if second >= 0 else listed.end
            differs = decided[0] is not without[0] or (
                decided[1] != without[1] and _said(listed, said, decided) != _said(listed, said, without)
            )
            self._learn(owner, listed, found, way, learnt, differs=differs)
        for watch in said:
            owner = listed.watchers[watch]
            if owner >= 0 and not rules[owner].settled:
                words = listed.voices[watch]
                differs = words != decided[1] and all(
                    listed.voices[w] != words or listed.watchers[w] == owner for w in said
                )
                self._learn(owner, listed, found, way, learnt, differs=differs)

    def _learn(
        self, owner: int, listed: Listed, found: TargetClass, way: Way, learnt: list[Ruled], *, differs: bool
    ) -> None:
        rule = self._places[owner]
        if rule.reached is not None and (rule.entangled or not differs):
            return
        access = at(access_of(listed.op, listed.actor, found), way)
        if rule.reached is None:
            rule.reached = access
        if differs and not rule.entangled:
            rule.needed = access
        rule.settled = rule.entangled or differs
        learnt.append(rule)

    # -- what cannot be told

    def _doubt(self, owner: int, cause: str) -> None:
        if owner >= 0 and self._places[owner].doubt is None:
            self._places[owner].doubt = cause

    def _suppose(self, listed: Listed, found: TargetClass) -> None:
        """Rules that would decide if no pattern that was given up hit this class may be reachable after all."""
        cause = next((self.targets.loose[number] for number in found.loose), None)
        if cause is None:
            return
        places = listed.ranked.places(found.hits)
        for way in self._ways.of(self._conditions(listed, places, ())):
            first = next((p for p in places if (c := listed.conditions[p]) is None or c in way.holding), None)
            if first is not None:
                self._doubt(listed.owners[first], cause)

    # -- what covers

    def cover(self, rules: Sequence[Ruled]) -> None:
        """For rules that are never reached: the sets of rules of which one stands before them, access by access."""
        left = {rule.place for rule in rules if rule.matchers}
        replaced = [one for one in self._alone if one.rule in rules]
        wanted = Wanted(order=self._no_order())
        waiting = Counter(number for rule in rules for number in rule.matchers)
        waiting.update(number for one in replaced for number in one.matchers)
        wanted.ids.update(waiting)
        simple = {rule.place: rule for rule in rules if rule.candidates}
        for found in self.targets.classes(wanted):
            for one in replaced:
                if not one.matchers.isdisjoint(found.hits):
                    self._instead(one, found)
            for listed in self._concerned(found):
                places = listed.ranked.places((*found.hits, *found.loose) if found.loose else found.hits)
                owners = listed.owners
                if not left.isdisjoint([owners[place] for place in places]):
                    for way in self._ways.of(self._conditions(listed, places, ())):
                        self._before(listed, found, way, places, left, simple)
            for rule in [simple[place] for place in self._fresh if place in simple]:
                del simple[rule.place]
                left.discard(rule.place)
                waiting.subtract(rule.matchers)
                wanted.ids.difference_update(number for number in rule.matchers if not waiting[number])
            self._fresh.clear()

    def _always_before(self, rule: Ruled) -> int | None:
        """A rule of the same matchers that stands before this one in all lists, and decides always: most dead rules."""
        found: set[int] | None = None
        special = {id(one): one for number in rule.matchers for one in self._special_of.get(number, ())}
        for listed in (*self._common, *special.values()):
            for number in rule.matchers:
                places = listed.ranked.places((number,))
                own = next((p for p in places if listed.owners[p] == rule.place), None)
                if own is None:
                    # reported here, or of another source
                    if any(listed.watchers[p] == rule.place for p in listed.ranked.watch_places((number,))):
                        return None
                    continue
                before = (p for p in places if p < own and listed.conditions[p] is None)
                owners = {listed.owners[p] for p in before if listed.owners[p] != NO_RULE}
                found = owners if found is None else found & owners
                if not found:
                    return None
        action = _action(rule)
        return min(found, key=lambda place: (self._action_at(place) is action, place)) if found else None

    def _action_at(self, place: int) -> Action | None:
        return _action(self._places[place]) if place >= 0 else None

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
                rule = self._places[owner]
                if rule.covered is None:
                    rule.covered = at(access_of(listed.op, listed.actor, found), way)
                    self._fresh.append(owner)
                if owner not in simple and NO_RULE not in before and len(rule.candidates) < _MOST_CANDIDATES:
                    rule.candidates[frozenset(islice(before, _MOST_BEFORE))] = None
            before[owner] = None

    def _instead(self, one: _Alone, found: TargetClass) -> None:
        """An access that the rule would decide if it were alone."""
        own, rule = one.own.entries(found.hits), one.rule
        for way in self._ways.of(conditions_of(own, ())):
            alone = next((e for e in own if e.condition is ALWAYS or e.condition in way.holding), None)
            if alone is None or alone.origin is None or alone.origin.entry is not rule.origin.entry:
                continue
            if rule.covered is None:
                rule.covered = at(access_of(one.op, one.actor, found), way)
                self._fresh.append(rule.place)


def _says_the_same(one: DecisionList, other: DecisionList) -> bool:
    return (
        len(one.entries) == len(other.entries)
        and one.default == other.default
        and one.entries == other.entries
        and one.watches == other.watches
    )


def _action(rule: Ruled) -> Action | None:
    return rule.origin.entry.action if isinstance(rule.origin.entry, Rule) else None


def _said(listed: Listed, watches: Iterable[int], effect: Effect) -> set[Voice | None]:
    return {effect[1], *(listed.voices[watch] for watch in watches), None}


def _levels(entry: Entry, rule: Ruled | None) -> tuple[Level, Level]:
    """The first and last place an entry of this kind can have in a list."""
    if rule is None or not isinstance(rule.origin.entry, Rule):
        return FIRST, FIRST
    sources = rule.origin.entry.sources
    match entry.target:
        case Exact():
            kind = 0
        case Named():
            kind = 1
        case Glob():
            # among equals denials stand before passes; only one model has patterns, and equals
            verdict = int(entry.verdict is Verdict.ALLOWED)
            return (0 if sources else 1, 2, verdict), (0 if sources and None not in sources else 1, 2, verdict)
        case _:
            kind = 3
    return (0 if sources else 1, kind, 0), (0 if sources and None not in sources else 1, kind, 1)
