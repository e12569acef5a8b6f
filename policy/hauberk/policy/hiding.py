"""Rules for a source that let through what a Block for everybody forbids.

A rule with a source is looked at first, however broad it is. One that matches no more than the Block is the evident
exception to it, and nothing to tell; that is found out by looking at all classes of targets that the rule matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hauberk.policy.circumstances import TooManyWaysError, Ways, at
from hauberk.policy.decision import Compiled
from hauberk.policy.differences import access_of
from hauberk.policy.lists import Origin
from hauberk.policy.model import Access, Action, Directory, Domain, Op, Preset, Rule, Verdict
from hauberk.policy.rulings import Actor, Key, Numbers, Ranked, actors, conditions_of, key_of, ops_of, outcome
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import Hints, Limit, TargetClass, Wanted

MAX_HIDDEN = 10
"""Blocks named for one rule with a source."""

_DOMAINS: tuple[Domain, ...] = ("process", "file", "network", "dns", "capabilities")
_Pair = tuple[Op, Key, Key]


@dataclass(frozen=True, slots=True)
class Hiding:
    """`rule` lets `access` pass, by a source that it names; `block` denies it to programs that no rule names."""

    rule: Origin
    block: Origin
    access: Access


@dataclass(frozen=True, slots=True)
class Hidings:
    """`inconclusive` names what may hide others."""

    found: tuple[Hiding, ...] = ()
    inconclusive: str | None = None


def hidings(compiled: Compiled, hints: Hints, limit: Limit | None = None) -> Hidings:
    """The first `MAX_HIDDEN` Blocks of each rule, in the order of the rules."""
    found: list[Hiding] = []
    causes: list[str] = []
    for domain in _DOMAINS:
        allows = _rules(compiled, domain, Action.ALLOW, sources=True)
        blocks = _rules(compiled, domain, Action.BLOCK, sources=False)
        if allows and blocks:
            scan = _Scan(compiled, domain, allows, blocks, hints, limit or Limit())
            found += scan.run()
            causes += [] if scan.cause is None else [scan.cause]
    return Hidings(tuple(found), next(iter(causes), None))


def _rules(compiled: Compiled, domain: Domain, action: Action, *, sources: bool) -> dict[Key, Origin]:
    found = (
        Origin(policy, rule)
        for policy in compiled.policies
        for rule in policy.rules
        if rule.domain == domain and rule.action is action and (any(rule.sources) if sources else not rule.sources)
    )
    return {key_of(origin): origin for origin in found}


class _Scan:
    def __init__(
        self,
        compiled: Compiled,
        domain: Domain,
        allows: Mapping[Key, Origin],
        blocks: Mapping[Key, Origin],
        hints: Hints,
        limit: Limit,
    ) -> None:
        self.cause: str | None = None
        self._compiled = compiled
        self._allows, self._blocks = allows, blocks
        self._numbers = Numbers()
        self._ways = Ways()
        self._usual: dict[Op, Ranked] = {}
        self._lists: list[tuple[Op, Actor, Ranked]] = []
        self._wanted: set[int] = set()
        for op in ops_of(domain):
            # the first is a program that no rule names
            self._other, *named = actors((compiled,), op)
            self._usual[op] = self._ranked(op, self._other, None)
            for actor in named:
                if actor.source is not None:
                    self._lists.append((op, actor, self._ranked(op, actor, self._usual[op])))
        self._targets = Targets(domain, self._numbers.views, hints, limit, {})
        self._shown: dict[_Pair, Access] = {}
        # by operation and rule, the Blocks that matched wherever the rule did so far
        self._within: dict[tuple[Op, Key], frozenset[Key]] = {}

    def _ranked(self, op: Op, actor: Actor, base: Ranked | None) -> Ranked:
        (source,) = actor.classes
        made = self._compiled.list_of(op, source)
        ranked = Ranked(made, self._numbers, base)
        for place in ranked.own_places:
            entry = made.entries[place]
            if key_of(entry.origin) in self._allows:
                self._wanted.add(self._numbers.of(made.model, entry.target))
        return ranked

    def run(self) -> Iterator[Hiding]:
        for found in self._targets.classes(Wanted(self._wanted)):
            hits = (*found.hits, *found.loose)
            blocks: dict[Op, frozenset[Key]] = {}
            for op, actor, ranked in self._lists:
                entries = ranked.entries(hits)
                keys = dict.fromkeys(key for entry in entries if (key := key_of(entry.origin)) in self._allows)
                if not keys:
                    continue
                if op not in blocks:
                    usual = self._usual[op].entries(hits)
                    blocks[op] = frozenset(key for one in usual if (key := key_of(one.origin)) in self._blocks)
                for key in keys:
                    self._within[op, key] = self._within.get((op, key), blocks[op]) & blocks[op]
                if blocks[op]:
                    self._class(op, actor, ranked, found)
        self.cause = self.cause or self._targets.exhausted or next(iter(self._targets.loose.values()), None)
        return self._told()

    def _class(self, op: Op, actor: Actor, ranked: Ranked, found: TargetClass) -> None:
        hits = (*found.hits, *found.loose)
        both = [(one, one.entries(hits), one.watches(hits)) for one in (ranked, self._usual[op])]
        own_conditions, conditions = (conditions_of(entries, watches) for _, entries, watches in both)
        try:
            ways = self._ways.of(own_conditions | conditions)
        except TooManyWaysError:
            self.cause = "the combinations of its argument lists"
            return
        for way in ways:
            own, others = (outcome(one, entries, watches, way.holding) for one, entries, watches in both)
            key, block = key_of(own.origin), key_of(others.origin)
            if own.verdict is not Verdict.ALLOWED or others.verdict is not Verdict.DENIED:
                continue
            if key in self._allows and block in self._blocks and (op, key, block) not in self._shown:
                self._shown[op, key, block] = at(access_of(op, actor, found), way)

    def _told(self) -> Iterator[Hiding]:
        counts: dict[Key, int] = {}
        seen: set[tuple[Key, Key]] = set()
        for (op, key, block), access in self._shown.items():
            rule, other = self._allows[key], self._blocks[block]
            if (key, block) in seen or block in self._within[op, key] or _same_directory(rule.entry, other.entry):
                continue
            seen.add((key, block))
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= MAX_HIDDEN:
                self._confirm(access)
                yield Hiding(rule, other, access)

    def _confirm(self, access: Access) -> None:
        everybody = replace(
            access, source=self._other.source, parent_source=access.parent_source and self._other.parent
        )
        said = [self._compiled.decide(one).verdict for one in (access, everybody)]
        if said != [Verdict.ALLOWED, Verdict.DENIED]:
            raise RuntimeError(f"the lists say {said} where a rule was said to hide a Block: {access}")


def _same_directory(one: Rule | Preset, other: Rule | Preset) -> bool:
    """Whether both name one directory, be it with or without what lies deeper."""
    mine, its = (
        rule.matcher.dir.rstrip("/") if isinstance(rule, Rule) and isinstance(rule.matcher, Directory) else None
        for rule in (one, other)
    )
    return mine is not None and mine == its
