"""What changes between two compiled sets of policies of one workload: two revisions, or two models of one.

Verdicts are compared, and of reports whether there is an alert of a blocked or of an audited access: names of
policies and places of rules are no part of it, so what was moved, renamed or put in another order is no change.
Accesses that change for one cause are one change, shown by the shortest of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from enum import StrEnum

from hauberk.policy.decision import Compiled
from hauberk.policy.differences import Difference, Differences
from hauberk.policy.lists import Origin
from hauberk.policy.matching import (
    Anything,
    Below,
    Capable,
    DomainBelow,
    Exact,
    Glob,
    InMemory,
    Named,
    OtherProcess,
    Pathless,
    SocketProtocol,
    SocketType,
    Target,
)
from hauberk.policy.model import DOMAIN_OF_OP, Access, Decision, Domain, Op, Preset, Rule, Verdict
from hauberk.policy.removal import is_outside
from hauberk.policy.rulings import Outcome, key_of, names_in
from hauberk.policy.tables import FAMILIAR_TARGETS
from hauberk.policy.wanted import Limit

_GROUPS: tuple[tuple[Op, ...], ...] = (
    ("exec",),
    ("read", "write", "modify"),
    ("network",),
    ("dns",),
    ("capability",),
    ("map_exec",),
)

Said = tuple[Verdict, frozenset[str]]
"""A verdict and the actions of its alerts."""

MOST_DOUBTS = 20
"""Patterns that are named for one kind of operations; one is enough to look at the policies by eye."""


class Direction(StrEnum):
    """Widened: was denied, or allowed with an alert, and now passes in silence; narrowed: was allowed and is denied.

    Reported: the verdict is the same and its alerts are others, or it has one where it had none.
    """

    WIDENED = "widened"
    NARROWED = "narrowed"
    REPORTED = "reported"


def direction(before: Said, after: Said) -> Direction | None:
    """Of what two sides say to one access; None if they say the same."""
    if before == after:
        return None
    (old, old_alerts), (new, new_alerts) = before, after
    if old is not new:
        return Direction.WIDENED if new is Verdict.ALLOWED else Direction.NARROWED
    silenced = new is Verdict.ALLOWED and old_alerts and not new_alerts
    return Direction.WIDENED if silenced else Direction.REPORTED


def said_by(decision: Decision) -> Said:
    """What of a decision is compared."""
    return decision.verdict, frozenset(report.action for report in decision.reports)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much changes at most; `kind` is path, name, pattern, directory, below, value or everything."""

    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """`common` programs are those that no rule names; `sources` those that are named and were seen to change too.

    `more` counts other pairs of rules, before and after, whose accesses change for the same cause.
    """

    op: Op
    direction: Direction
    witness: Access
    before: Decision
    after: Decision
    rule_before: Origin | None
    rule_after: Origin | None
    extent: Extent
    common: bool
    sources: tuple[str | None, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Changes of these operations may be missing, because of a pattern or of too many combinations."""

    ops: tuple[Op, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class Comparison:
    changes: tuple[Change, ...]
    inconclusive: tuple[Inconclusive, ...] = ()


@dataclass(slots=True)
class _Gathered:
    first: Difference
    target: Target | None
    pairs: set[Hashable]
    common: bool
    sources: dict[str | None, None]


def compare(
    before: Compiled, after: Compiled, *, limit: Limit | None = None, domains: Collection[Domain] | None = None
) -> Comparison:
    """The changes from `before` to `after`, by operation; if `domains` are given only those of rules of these."""
    if domains is not None and not domains:
        return Comparison(())
    hints = names_in((*before.policies, *after.policies))
    causes = _Causes(before, after)
    changes: list[Change] = []
    doubts: list[Inconclusive] = []
    said = {rule.domain for one in (before, after) for policy in one.policies for rule in policy.rules}
    presets = any(policy.presets for one in (before, after) for policy in one.policies)
    for ops in _GROUPS:
        if domains is not None and (DOMAIN_OF_OP[ops[0]] not in domains or ops == ("map_exec",)):
            # no rule decides about maps, only presets
            continue
        if not presets and DOMAIN_OF_OP[ops[0]] not in said:
            continue
        differences = Differences(before, after, ops, read, hints, limit or Limit())
        gathered: dict[tuple[Op, Direction, Hashable], _Gathered] = {}
        for one in differences:
            way = direction(read(one.before), read(one.after))
            if way is None:
                continue
            cause, target = causes.of(one)
            key = (one.access.op, way, cause)
            found = gathered.get(key)
            if found is None:
                found = gathered[key] = _Gathered(one, target, set(), common=False, sources={})
            found.pairs.add((key_of(one.before.origin), key_of(one.after.origin)))
            if one.common:
                found.common = True
            else:
                found.sources[one.actor.parent if one.actor.source is None else one.actor.source] = None
        order = {op: place for place, op in enumerate(ops)}
        for (op, way, _), found in sorted(gathered.items(), key=lambda item: order[item[0][0]]):
            changes.append(_change(before, after, op, way, found))
        doubts += [Inconclusive(ops, cause) for cause in differences.doubts[:MOST_DOUBTS]]
    return Comparison(tuple(changes), tuple(doubts))


def read(outcome: Outcome) -> Said:
    """What of an outcome is compared."""
    return outcome.verdict, frozenset(alert.report.action for alert in outcome.alerts)


def _change(before: Compiled, after: Compiled, op: Op, way: Direction, found: _Gathered) -> Change:
    one = found.first
    decisions: list[Decision] = []
    for compiled, outcome in ((before, one.before), (after, one.after)):
        decision = compiled.decide(one.access)
        rule = None if outcome.origin is None else outcome.origin.name
        if said_by(decision) != read(outcome) or decision.rule != rule:
            raise RuntimeError(f"the lists say {decision} to {one.access}, the search said {outcome}")
        decisions.append(decision)
    witness = one.access
    if found.target is None or isinstance(found.target, Pathless):
        # what everybody knows shows it better than a made-up name
        known = FAMILIAR_TARGETS.get(op, ()) if found.target is None else ("memfd:x",)
        others = (replace(witness, target=path) for path in known)
        witness = next((o for o in others if [before.decide(o), after.decide(o)] == decisions), witness)
    return Change(
        op,
        way,
        witness,
        decisions[0],
        decisions[1],
        one.before.origin,
        one.after.origin,
        _extent(found.target if witness.target != "/" or found.target is not None else Exact("/")),
        found.common,
        tuple(found.sources),
        len(found.pairs) - 1,
    )


class _Causes:
    """A cause is a rule that only one side has, the end of the list, or else the pair of rules that decide."""

    def __init__(self, before: Compiled, after: Compiled) -> None:
        self._before, self._after = _contents(before), _contents(after)
        self._models = before.model is not after.model

    def of(self, one: Difference) -> tuple[Hashable, Target | None]:
        before, after = one.before, one.after
        if before.verdict is after.verdict:
            for alert in after.alerts:
                if _lacks(alert.origin, self._before):
                    return ("new", key_of(alert.origin)), alert.target
            for alert in before.alerts:
                if _lacks(alert.origin, self._after):
                    return ("gone", key_of(alert.origin)), alert.target
        if before.origin is None and after.origin is None:
            blind = next((t for t in (before.target, after.target) if isinstance(t, Pathless)), None)
            # what a model does not see, and the other one's end decides, is no change of all that is left
            return ("end", None) if blind is None else (("end", blind), blind)
        gone, new = _lacks(before.origin, self._after), _lacks(after.origin, self._before)
        if self._models and not gone and not new:
            # the models read these rules otherwise, and every rule like them
            unknown = one.access.source is None and key_of(before.origin) == key_of(after.origin)
            shapes = _shape(before.origin), _shape(after.origin)
            return ("reading", *shapes, unknown), _narrower(before.target, after.target)
        if new and not gone:
            return ("new", key_of(after.origin)), after.target
        if gone and not new:
            return ("gone", key_of(before.origin)), before.target
        return ("pair", key_of(before.origin), key_of(after.origin)), _narrower(before.target, after.target)


def _contents(compiled: Compiled) -> set[Hashable]:
    # what a model leaves out is, to this model, not there
    rules = {
        _content(rule)
        for policy in compiled.policies
        for rule in policy.rules
        if not is_outside(compiled.model, policy, rule)
    }
    return rules | {_content(preset) for policy in compiled.policies for preset in policy.presets}


def _content(entry: Rule | Preset) -> Hashable:
    """What a rule says, wherever it stands."""
    if isinstance(entry, Preset):
        return (entry.name, entry.action_text)
    return (entry.section, entry.list, entry.matcher, entry.sources, entry.flags, entry.action_text.lower())


def _shape(origin: Origin | None) -> Hashable:
    if origin is None:
        return None
    entry = origin.entry
    return (entry.flags, entry.action) if isinstance(entry, Rule) else entry.action_text


def _lacks(origin: Origin | None, contents: set[Hashable]) -> bool:
    return origin is not None and _content(origin.entry) not in contents


def _breadth(target: Target | None) -> tuple[int, int]:
    match target:
        case Exact() | SocketProtocol() | Capable():
            return 0, 0
        case Glob() | OtherProcess() | SocketType():
            return 1, 0
        case Named():
            return 2, 0
        case DomainBelow(names=names):
            return 2, -len(names[0])
        case Below(dir=directory, deep=deep):
            return (4 if deep else 3), -len(directory)
        case InMemory() | Pathless():
            return 5, 0
        case Anything() | None:
            return 6, 0


def _narrower(one: Target | None, other: Target | None) -> Target | None:
    return min((one, other), key=_breadth)


def _extent(target: Target | None) -> Extent:
    match target:
        case Exact(path=path):
            return Extent("path", path)
        case Named(name=name):
            return Extent("name", name)
        case Glob(pattern=pattern):
            return Extent("pattern", pattern)
        case OtherProcess(whole=whole):
            return Extent("pattern", "/proc/[0-9]*/**" if whole else "/proc/[0-9]*/environ")
        case Below(dir=directory, deep=deep):
            return Extent("below" if deep else "directory", directory)
        case Pathless(root=True):
            return Extent("value", "what has no path, and /")
        case InMemory() | Pathless():
            return Extent("value", "without a file on disk")
        case SocketType(type=text) | Capable(name=text):
            return Extent("value", text)
        case SocketProtocol(number=number):
            return Extent("value", f"protocol {number}")
        case DomainBelow(names=names):
            return Extent("below", names[0])
        case Anything() | None:
            return Extent("everything")
