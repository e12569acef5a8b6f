"""What decides: one pass over the classes of a domain for what each rule decides, one more for what needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from hauberk.policy.circumstances import TooManyWaysError, Way, at
from hauberk.policy.differences import access_of
from hauberk.policy.listed import NO_RULE, Effect, Listed, Ruled
from hauberk.policy.lists import Entry
from hauberk.policy.matching import Exact, Glob, Named
from hauberk.policy.model import Action, Rule, Verdict
from hauberk.policy.reachlists import DomainLists, conditions
from hauberk.policy.rulings import Voice
from hauberk.policy.wanted import FIRST, LAST, Level, Order, TargetClass, Wanted


class DomainReach:
    """Of the rules of one domain: `search` notes what they decide and whether they are needed in each `Ruled`."""

    def __init__(self, lists: DomainLists) -> None:
        self._lists = lists
        self._rules = lists.rules
        self._targets = lists.targets
        self._asked: set[int] = set()

    def search(self, only: Collection[int] | None = None) -> None:
        """Finds out what is reached, then of that what is needed; of all rules or `only` some."""
        rules = [rule for rule in self._rules if only is None or rule.place in only]
        asked: list[Ruled] = []
        for rule in rules:
            always = always_before(self._lists, rule) if rule.matchers else None
            if always is not None:
                rule.candidates[frozenset((always,))] = None
            elif rule.matchers:
                asked.append(rule)
        # what hits more has more that stands before it: a rule is reached by other names if by any
        self._pass(asked, lambda rule: rule.reached is not None, None)
        left = [rule for rule in rules if rule.asked and rule.reached is not None and not rule.settled]
        if self._targets.exhausted is None:
            self._pass(left, lambda rule: rule.settled, self._order({rule.place for rule in left}))

    def _pass(self, rules: Sequence[Ruled], done: Callable[[Ruled], bool], order: Order | None) -> None:
        waiting = Counter(number for rule in rules for number in rule.matchers)
        left = self._asked = {rule.place for rule in rules}
        wanted = Wanted(waiting, order=order or self._lists.no_order())
        for found in self._targets.classes(wanted):
            for listed in self._lists.concerned(found):
                for rule in self._judge(listed, found):
                    if rule.place in left and done(rule):
                        left.discard(rule.place)
                        waiting.subtract(rule.matchers)
                        wanted.ids.difference_update(number for number in rule.matchers if not waiting[number])

    def _order(self, asked: Collection[int]) -> Order:
        """Where the entries stand; what belongs to a preset or to sources of its own stands before the rest."""
        count = len(self._lists.numbers.views)
        first, quiet, last, loud = [LAST] * count, [True] * count, [FIRST] * count, [FIRST] * count
        for listed in self._lists.all:
            for place in listed.ranked.own_places:
                entry, owner = listed.ranked.list.entries[place], listed.owners[place]
                number = self._lists.numbers.of(self._lists.compiled.model, entry.target)
                early, late = _levels(entry, self._rules[owner] if owner >= 0 else None)
                passes = listed.effects[place] == (Verdict.ALLOWED, None)
                if owner in asked:
                    first[number] = min(first[number], early)
                    quiet[number] = quiet[number] and passes
                last[number] = max(last[number], late)
                if not passes:
                    loud[number] = max(loud[number], late)
        return Order(first, quiet, last, loud)

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
            for way in self._lists.ways.of(conditions(listed, places, watches)):
                self._read(listed, found, way, places, watches, learnt)
            if self._targets.loose:
                self._suppose(listed, found)
        except TooManyWaysError:
            for owner in (*(owners[place] for place in places), *(listed.watchers[place] for place in watches)):
                self._doubt(owner, "the combinations of its argument lists")
        return learnt

    def _read(
        self,
        listed: Listed,
        found: TargetClass,
        way: Way,
        places: Sequence[int],
        watches: Sequence[int],
        learnt: list[Ruled],
    ) -> None:
        owners, rules = listed.owners, self._rules
        holding = way.holding
        first = second = owner = NO_RULE
        for place in places:
            condition = listed.conditions[place]
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
        rule = self._rules[owner]
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
        if owner >= 0 and self._rules[owner].doubt is None:
            self._rules[owner].doubt = cause

    def _suppose(self, listed: Listed, found: TargetClass) -> None:
        """Rules that would decide if no pattern that was given up hit this class may be reachable after all."""
        cause = next((self._targets.loose[number] for number in found.loose), None)
        if cause is None:
            return
        places = listed.ranked.places(found.hits)
        for way in self._lists.ways.of(conditions(listed, places, ())):
            first = next((p for p in places if (c := listed.conditions[p]) is None or c in way.holding), None)
            if first is not None:
                self._doubt(listed.owners[first], cause)


def always_before(lists: DomainLists, rule: Ruled) -> int | None:
    """A rule of the same matchers that stands before this one in all lists, and decides always: most dead rules."""

    def action_at(place: int) -> Action | None:
        entry = lists.rules[place].origin.entry if place >= 0 else None
        return entry.action if isinstance(entry, Rule) else None

    found: set[int] | None = None
    for listed in lists.holding(rule):
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
    return min(found, key=lambda place: (action_at(place) is action_at(rule.place), place)) if found else None


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
