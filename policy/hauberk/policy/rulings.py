"""Decision lists by matcher, so that a class of targets finds its entries without walking a list.

What stands here is shared by all who ask about every access: the numbers of matchers, the programs that stand for
the classes of sources, and which entries a source has beyond those of all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from hauberk.policy.decision import Compiled
from hauberk.policy.lists import ALWAYS, Condition, DecisionList, Entry, Origin, Watch
from hauberk.policy.matching import Target, subject_of
from hauberk.policy.model import DOMAIN_OF_OP, Access, Domain, Model, Op, Policy, Program, Report, Rule, Verdict
from hauberk.policy.realpaths import real_path
from hauberk.policy.tables import FAMILIAR_NAMES
from hauberk.policy.tree import View

OTHER_PROGRAM = "/usr/bin/other"
_MOST_PAIRS = 400

Key = tuple[int, int]
"""A rule or preset, by the identity of its policy and its own."""


def key_of(origin: Origin | None) -> Key:
    return (0, 0) if origin is None else (id(origin.policy), id(origin.entry))


def ops_of(domain: Domain) -> list[Op]:
    ops: tuple[Op, ...] = ("exec", "read", "write", "modify", "network", "dns", "capability")
    return [op for op in ops if DOMAIN_OF_OP[op] == domain]


class Numbers:
    """Numbers of matchers."""

    def __init__(self) -> None:
        self._number: dict[View, int] = {}
        self.views: list[View] = []

    def of(self, model: Model, target: Target) -> int:
        view = (model, target)
        found = self._number.get(view)
        if found is None:
            found = self._number[view] = len(self.views)
            self.views.append(view)
        return found


Item = TypeVar("Item", Entry, Watch)


class Ranked:
    """A list whose entries are found by their matchers.

    One that has all entries of another list in the same order keeps only what it has beyond it: a program that is
    named shares nearly everything with those that are not. `own` are the matchers of that, None without a base.
    """

    __slots__ = ("_base", "_entries", "_moved", "_watches", "_watches_moved", "list", "own", "own_places")

    def __init__(self, decisions: DecisionList, numbers: Numbers, base: Ranked | None = None) -> None:
        self.list = decisions
        self.own: frozenset[int] | None = None
        self._base: Ranked | None = None
        self._moved: list[int] = []
        self._watches_moved: list[int] = []
        entries: Sequence[int] = range(len(decisions.entries))
        watches: Sequence[int] = range(len(decisions.watches))
        if base is not None and base.list.default == decisions.default:
            found = _aligned(decisions.entries, base.list.entries, _same_entry)
            found_watches = _aligned(decisions.watches, base.list.watches, _same_watch)
            if found is not None and found_watches is not None:
                self._base = base
                self._moved, entries = found
                self._watches_moved, watches = found_watches
        self.own_places = entries
        self._entries: dict[int, list[int]] = {}
        self._watches: dict[int, list[int]] = {}
        for place in entries:
            target = decisions.entries[place].target
            self._entries.setdefault(numbers.of(decisions.model, target), []).append(place)
        for place in watches:
            target = decisions.watches[place].target
            self._watches.setdefault(numbers.of(decisions.model, target), []).append(place)
        if self._base is not None:
            self.own = frozenset((*self._entries, *self._watches))

    def places(self, hits: Iterable[int]) -> list[int]:
        """Of the entries whose target is hit, ascending."""
        places: list[int] = []
        for number in hits:
            found = self._entries.get(number)
            if found is not None:
                places += found
        if self._base is not None:
            moved = self._moved
            places += [moved[place] for place in self._base.places(hits)]
        places.sort()
        return places

    def watch_places(self, hits: Iterable[int]) -> list[int]:
        places: list[int] = []
        if self._watches:
            for number in hits:
                found = self._watches.get(number)
                if found is not None:
                    places += found
        if self._base is not None:
            moved = self._watches_moved
            places += [moved[place] for place in self._base.watch_places(hits)]
        places.sort()
        return places

    def entries(self, hits: Iterable[int]) -> list[Entry]:
        """Those whose target is hit, in their order."""
        return [self.list.entries[place] for place in self.places(hits)]

    def watches(self, hits: Iterable[int]) -> list[Watch]:
        return [self.list.watches[place] for place in self.watch_places(hits)]


def _aligned(
    items: Sequence[Item], base: Sequence[Item], same: Callable[[Item, Item], bool]
) -> tuple[list[int], list[int]] | None:
    """Where the items of the base stand, and where others do; None unless all of the base is there in its order."""
    moved: list[int] = []
    others: list[int] = []
    for place, item in enumerate(items):
        if len(moved) < len(base) and same(item, base[len(moved)]):
            moved.append(place)
        else:
            others.append(place)
    return (moved, others) if len(moved) == len(base) else None


def _same_entry(one: Entry, other: Entry) -> bool:
    return (
        key_of(one.origin) == key_of(other.origin)
        and one.verdict is other.verdict
        and one.condition == other.condition
        and one.target == other.target
    )


def _same_watch(one: Watch, other: Watch) -> bool:
    return (
        key_of(one.origin) == key_of(other.origin) and one.conditions == other.conditions and one.target == other.target
    )


@dataclass(frozen=True, slots=True)
class Actor:
    """A program for each combination of classes of sources; `classes` are those of each compiled set."""

    classes: tuple[str | None, ...]
    source: str | None
    parent: str | None

    def access(self, op: Op) -> Access:
        return Access(op, source=self.source, parent_source=self.parent if op == "exec" else None)


def actors(compiled: Sequence[Compiled], op: Op) -> list[Actor]:
    """A program that nothing names first, then an unknown one, then those that rules name."""
    named = dict.fromkeys(c for one in compiled for c in one.source_classes(op) if c)
    other = OTHER_PROGRAM
    while other in named:
        other += "x"
    # a name cut by kubearmor can end anyhow, the program that is seen so goes on
    programs = [text for name in named for text in (name, f"{name}x") if real_path(text)]
    known: list[str | None] = [other, None, *programs]
    pairs: Iterable[tuple[str | None, str | None]] = [(one, one) for one in known]
    if op == "exec" and len({one.model for one in compiled}) > 1:
        both = known if len(known) ** 2 <= _MOST_PAIRS else known[:2]
        pairs = [*pairs, *product(both, known), *product(known, both)]
    found: dict[tuple[str | None, ...], Actor] = {}
    for source, parent in pairs:
        access = Access(op, source=source, parent_source=parent)
        classes = tuple(one.source_class(access) for one in compiled)
        found.setdefault(classes, Actor(classes, source, parent))
    return list(found.values())


def sources_of(origin: Origin) -> list[str]:
    """The programs that a rule names."""
    return [source for source in origin.entry.sources if source] if isinstance(origin.entry, Rule) else []


def unnamed(compiled: Compiled) -> str:
    """A program that no rule names."""
    named = {source for policy in compiled.policies for rule in policy.rules for source in rule.sources}
    name = OTHER_PROGRAM
    while name in named:
        name += "x"
    return name


Voice = tuple[str, str, object, object, object]
"""What an alert says: policy, action, severity, tags, message."""


def voice(report: Report, origin: Origin | None) -> Voice:
    """The alert of a report; its rule's place in a document is left out, that is no part of what it says."""
    entry = None if origin is None or report.rule is None else origin.entry
    if isinstance(entry, Rule):
        return (report.policy, report.action, entry.severity, entry.tags, entry.message)
    return (report.policy, report.action, None, (), None)


@dataclass(frozen=True, slots=True)
class Alert:
    """A report with what made it."""

    report: Report
    origin: Origin | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision with what made it."""

    verdict: Verdict
    origin: Origin | None = None
    target: Target | None = None
    alerts: tuple[Alert, ...] = ()


Sense = Callable[[Outcome], Hashable]


def outcome(
    ranked: Ranked, entries: Sequence[Entry], watches: Sequence[Watch], holding: frozenset[Condition]
) -> Outcome:
    """What a list says where these entries and watches are hit and these conditions hold."""
    decided = next((e for e in entries if e.condition is ALWAYS or e.condition in holding), None)
    alerts = [Alert(w.report, w.origin, w.target) for w in watches if not holding.isdisjoint(w.conditions)]
    if decided is None:
        end = ranked.list.default
        return Outcome(end.verdict, alerts=(*([] if end.report is None else [Alert(end.report)]), *alerts))
    if decided.report is not None:
        alerts.insert(0, Alert(decided.report, decided.origin, decided.target))
    return Outcome(decided.verdict, decided.origin, decided.target, tuple(alerts))


def acting(compiled: Compiled, access: Access) -> list[Origin]:
    """What decides an access, then what reports it, read from the list without any index."""
    decisions = compiled.list_of(access.op, compiled.source_class(access))
    subject = subject_of(compiled.model, access)
    decided = (e for e in decisions.entries if e.target.hits(subject) and e.condition.holds(access))
    first = next(decided, None)
    origins = [] if first is None or first.origin is None else [first.origin]
    held = (w for w in decisions.watches if w.target.hits(subject) and any(c.holds(access) for c in w.conditions))
    return [*origins, *(watch.origin for watch in held)]


def said(compiled: Compiled, access: Access) -> Outcome:
    """What a list says to one access with what made it, read without any index."""
    decisions = compiled.list_of(access.op, compiled.source_class(access))
    subject = subject_of(compiled.model, access)
    decided = next((e for e in decisions.entries if e.target.hits(subject) and e.condition.holds(access)), None)
    watches = (w for w in decisions.watches if w.target.hits(subject) and any(c.holds(access) for c in w.conditions))
    alerts = [Alert(w.report, w.origin, w.target) for w in watches]
    if decided is None:
        end = decisions.default
        return Outcome(end.verdict, alerts=(*([] if end.report is None else [Alert(end.report)]), *alerts))
    if decided.report is not None:
        alerts.insert(0, Alert(decided.report, decided.origin, decided.target))
    return Outcome(decided.verdict, decided.origin, decided.target, tuple(alerts))


_PLAIN = frozenset((ALWAYS,))


def conditions_of(entries: Iterable[Entry], watches: Iterable[Watch]) -> frozenset[Condition]:
    """All conditions that matter where these are hit."""
    found = {entry.condition for entry in entries if entry.condition is not ALWAYS}
    for watch in watches:
        found.update(watch.conditions)
    found.add(ALWAYS)
    return _PLAIN if len(found) == 1 else frozenset(found)


def names_in(policies: Iterable[Policy]) -> dict[str, list[str]]:
    """File names that the documents mention, by directory; behind them those that usually stand there."""
    found = {directory: dict.fromkeys(names) for directory, names in names_of(policies).items()}
    for directory, known in FAMILIAR_NAMES.items():
        found.setdefault(directory, {}).update(dict.fromkeys(known))
    return {directory: list(names) for directory, names in found.items()}


def names_of(policies: Iterable[Policy]) -> dict[str, list[str]]:
    """File names that the documents mention, by directory."""
    found: dict[str, dict[str, None]] = {}
    for policy in policies:
        for rule in policy.rules:
            paths = [*rule.sources]
            if isinstance(rule.matcher, Program):
                paths.append(rule.matcher.path)
            for path in paths:
                if path is not None and "*" not in path and real_path(path):
                    directory, _, name = path.rpartition("/")
                    found.setdefault(directory, {})[name] = None
    return {directory: list(names) for directory, names in found.items()}
