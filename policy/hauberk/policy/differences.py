"""Accesses on which two compiled sets of policies say something else: the search that `compare` and `reach` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hauberk.policy.circumstances import TooManyWaysError, Ways, at
from hauberk.policy.decision import Compiled
from hauberk.policy.lists import Default, Entry, Origin, Watch
from hauberk.policy.model import DOMAIN_OF_OP, Access, Model, Op, Rule, Verdict
from hauberk.policy.rulings import (
    Actor,
    Alert,
    Item,
    Numbers,
    Outcome,
    Ranked,
    Sense,
    actors,
    conditions_of,
    outcome,
)
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import Hints, Limit, TargetClass, Wanted


@dataclass(frozen=True, slots=True)
class Difference:
    """`actor` stands for a class of sources; `common` for every program that no rule names."""

    access: Access
    actor: Actor
    common: bool
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True)
class _Pair:
    """Lists of one operation and actor; None for `changed` is every class, None for `own` too.

    `ended` if the lists end otherwise: that shows wherever no entry decides, and is asked for once.
    """

    op: Op
    actor: Actor
    common: bool
    before: Ranked
    after: Ranked
    changed: frozenset[int] | None
    own: frozenset[int] | None
    ended: bool

    def concerns(self, hits: tuple[int, ...], ends: Collection[int]) -> bool:
        if self.own is None and id(self) in ends:
            return True
        return (self.changed is None or not self.changed.isdisjoint(hits)) and (
            self.own is None or not self.own.isdisjoint(hits)
        )


class Differences:
    """Of operations of one domain; iterate, then ask for `doubts`."""

    def __init__(
        self,
        before: Compiled,
        after: Compiled,
        ops: Iterable[Op],
        sense: Sense,
        hints: Hints,
        limit: Limit,
        classes: frozenset[str | None] | None = None,
    ) -> None:
        """`classes` of sources are those whose lists may differ, if that is known."""
        self._sense = sense
        self._ways = Ways()
        self._numbers = Numbers()
        self._both = (before, after)
        self._alike = before.model is after.model
        self._beyond = limit.beyond
        self._classes_asked = classes
        self._pairs = [pair for op in ops for pair in self._pairs_of(op)]
        self._targets: Targets | None = None
        if self._pairs:
            domain = DOMAIN_OF_OP[self._pairs[0].op]
            self._targets = Targets(domain, self._numbers.views, hints, limit, {})
        self._too_many_ways = False

    @property
    def doubts(self) -> list[str]:
        """Patterns, or other causes, for which differences may have been missed."""
        found = list(dict.fromkeys(self._targets.loose.values())) if self._targets is not None else []
        if self._targets is not None and self._targets.exhausted is not None:
            found.append(self._targets.exhausted)
        if self._too_many_ways:
            found.append("the combinations of its argument lists")
        return list(dict.fromkeys(found))

    def __iter__(self) -> Iterator[Difference]:
        if self._targets is None:
            return
        full = any(pair.changed is None for pair in self._pairs)
        ends = {id(pair) for pair in self._pairs if pair.ended and pair.own is None}
        wanted = Wanted((m for pair in self._pairs for m in pair.changed or ()), everything=full or bool(ends))
        for found in self._classes(self._targets, wanted):
            hits = (*found.hits, *found.loose)
            for pair in self._pairs:
                if pair.concerns(hits, ends):
                    try:
                        for difference in self._judged(pair, found, hits):
                            if difference.before.origin is None and difference.after.origin is None:
                                ends.discard(id(pair))
                            yield difference
                    except TooManyWaysError:
                        self._too_many_ways = True
            wanted.everything = full or bool(ends)

    def _classes(self, targets: Targets, wanted: Wanted) -> Iterator[TargetClass]:
        if self._pairs[0].op == "map_exec":
            return iter((TargetClass(tuple(range(len(self._numbers.views)))),))
        return targets.classes(wanted)

    def _judged(self, pair: _Pair, found: TargetClass, hits: tuple[int, ...]) -> Iterator[Difference]:
        entries = pair.before.entries(hits), pair.after.entries(hits)
        watches = pair.before.watches(hits), pair.after.watches(hits)
        conditions = conditions_of(entries[0], watches[0]) | conditions_of(entries[1], watches[1])
        access = None
        for way in self._ways.of(conditions):
            before = outcome(pair.before, entries[0], watches[0], way.holding)
            after = outcome(pair.after, entries[1], watches[1], way.holding)
            if self._sense(before) != self._sense(after):
                if access is None:
                    access = access_of(pair.op, pair.actor, found)
                yield Difference(at(access, way), pair.actor, pair.common, before, after)

    def _pairs_of(self, op: Op) -> Iterator[_Pair]:
        usual: tuple[Ranked, Ranked] | None = None
        shared: frozenset[int] | None = None
        common: tuple[str | None, ...] = ()
        for actor in actors(self._both, op):
            if not self._beyond and (actor.source is None or actor.source != actor.parent):
                continue
            if usual is None:
                common = actor.classes
                usual = self._ranked(op, 0, common), self._ranked(op, 1, common)
                shared = self._changes(*usual, None)
                pair = _Pair(op, actor, True, *usual, shared, None, self._ends_differ(*usual))
            elif self._classes_asked is not None and self._classes_asked.isdisjoint(actor.classes):
                continue
            else:
                before, after = (
                    base if actor.classes[side] == common[side] else self._ranked(op, side, actor.classes, base)
                    for side, base in enumerate(usual)
                )
                own: frozenset[int] | None = frozenset()
                for found, base in ((before, usual[0]), (after, usual[1])):
                    if found is not base:
                        own = None if own is None or found.own is None else own | found.own
                if own is not None and not own:
                    continue
                ended = self._ends_differ(before, after)
                pair = _Pair(op, actor, False, before, after, self._changes(before, after, shared), own, ended)
            if pair.changed is None or pair.changed or (pair.ended and pair.own is None):
                yield pair

    def _ranked(self, op: Op, side: int, classes: tuple[str | None, ...], base: Ranked | None = None) -> Ranked:
        return Ranked(self._both[side].list_of(op, classes[side]), self._numbers, base)

    def _ends_differ(self, before: Ranked, after: Ranked) -> bool:
        return self._ended(before.list.default) != self._ended(after.list.default)

    def _changes(self, before: Ranked, after: Ranked, shared: frozenset[int] | None) -> frozenset[int] | None:
        """Matchers of what stands in one list only; where none is hit, the same entries stand in the same order.

        `shared` are those of the lists that both add to. None for two models, whose lists cannot be laid side by side.
        """
        if not self._alike:
            return None
        model = before.list.model
        watches = self._differing(model, before.list.watches, after.list.watches, self._watch)
        if before.own is None or after.own is None:
            return self._differing(model, before.list.entries, after.list.entries, self._entry) | watches
        mine, its = ([one.list.entries[place] for place in one.own_places] for one in (before, after))
        return self._differing(model, mine, its, self._entry) | watches | (shared or frozenset())

    def _differing(
        self, model: Model, before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], Hashable]
    ) -> frozenset[int]:
        """Matchers of the items that are in one of the sequences only, as far as `key` tells them apart."""
        keys = [key(item) for item in before], [key(item) for item in after]
        counts = Counter(keys[0]), Counter(keys[1])
        if counts[0] == counts[1]:
            return frozenset()
        found: set[int] = set()
        for items, own, rest in (
            (before, keys[0], counts[0] - counts[1]),
            (after, keys[1], counts[1] - counts[0]),
        ):
            found.update(
                self._numbers.of(model, item.target) for item, said in zip(items, own, strict=True) if said in rest
            )
        return frozenset(found)

    def _ended(self, default: Default) -> Hashable:
        alerts = () if default.report is None else (Alert(default.report),)
        return self._sense(Outcome(default.verdict, alerts=alerts))

    def _entry(self, entry: Entry) -> Hashable:
        alerts = () if entry.report is None else (Alert(entry.report, entry.origin),)
        said = self._sense(Outcome(entry.verdict, alerts=alerts))
        return (entry.target, entry.condition, said, _sources(entry.origin))

    def _watch(self, watch: Watch) -> Hashable:
        said = self._sense(Outcome(Verdict.ALLOWED, alerts=(Alert(watch.report, watch.origin),)))
        return (watch.target, watch.conditions, said)


def _sources(origin: Origin | None) -> Hashable:
    return origin.entry.sources if origin is not None and isinstance(origin.entry, Rule) else None


def access_of(op: Op, actor: Actor, found: TargetClass) -> Access:
    """A plain access of a class by an actor."""
    parent = actor.parent if op == "exec" else None
    how = "delete" if op == "modify" else ""
    return Access(op, found.target, actor.source, parent, how=how, type=found.type, protocol=found.protocol)
