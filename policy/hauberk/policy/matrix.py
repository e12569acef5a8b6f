"""Programs by assets: what a workload lets each program do to each asset, before and after, or of one set of policies.

Every answer is that of a decision list on one access. A list is first reduced to the entries whose matcher is hit,
which no other entry can change; programs that no rule tells apart share their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hauberk.policy.axes import Asset, Axes, Program, axes
from hauberk.policy.circumstances import TooManyWaysError, Way, Ways, at
from hauberk.policy.compare import Direction, direction, said_by
from hauberk.policy.decision import Compiled
from hauberk.policy.lists import ALWAYS, Condition, DecisionList, Entry, Origin, Watch
from hauberk.policy.matching import subject_of
from hauberk.policy.model import DOMAIN_OF_OP, Access, Decision, Domain, Model, Op, Verdict, Workload
from hauberk.policy.rulings import Numbers, Ranked, conditions_of, key_of

MOST_CELLS = 200_000
MOST_PROGRAMS = 1_000
MOST_ENTRIES = 400_000
"""Of all lists of one operation together: each program that is named as a source has a list of its own."""

_MOST_ANSWERS = 8
_PLAIN = Way(Access("exec"), frozenset((ALWAYS,)))


class Sense(StrEnum):
    """What the answers to one operation come to; audited accesses pass, and are reported."""

    ALLOWED = "allowed"
    DENIED = "denied"
    AUDITED = "audited"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Said:
    """A decision with the rule that made it."""

    decision: Decision
    origin: Origin | None

    @property
    def sense(self) -> Sense:
        if self.decision.verdict is Verdict.DENIED:
            return Sense.DENIED
        return Sense.AUDITED if self.decision.reports else Sense.ALLOWED


@dataclass(frozen=True, slots=True)
class Answer:
    """What all sides say under some circumstances: those attributes of `way` that the ruling says it depends on."""

    way: Access
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answers to one operation, one for each that differs, the plainest circumstances first.

    `depends` are the attributes that matter: owner, tty, arguments, other_process, container_exec. `partial` is true
    where more circumstances may give more answers than were looked at.
    """

    answers: tuple[Answer, ...]
    depends: tuple[str, ...] = ()
    partial: bool = False

    def sense(self, side: int = -1) -> Sense:
        """Of one side: the first, or the last."""
        found = {answer.said[side].sense for answer in self.answers}
        return found.pop() if len(found) == 1 and not self.partial else Sense.DEPENDS

    def directions(self) -> tuple[Direction, ...]:
        """How the first side and the last differ, the widest first."""
        sides = ((said_by(a.said[0].decision), said_by(a.said[-1].decision)) for a in self.answers)
        found = {direction(*side) for side in sides}
        return tuple(way for way in Direction if way in found)


Cell = tuple[int, ...]
"""Numbers of rulings, one for each operation of the asset."""


@dataclass(slots=True)
class Matrix:
    """`rows[lines[program]][asset]` is the number of a cell: programs of one line have the same answers.

    `cut` says in words what was left out.
    """

    programs: list[Program]
    assets: list[Asset]
    lines: list[int]
    rows: list[list[int]]
    cells: list[Cell]
    rulings: list[Ruling]
    cut: list[str] = field(default_factory=list[str])

    def cell(self, program: int, asset: int) -> list[Ruling]:
        """The rulings of one cell, in the order of the asset's operations."""
        return [self.rulings[number] for number in self.cells[self.rows[self.lines[program]][asset]]]


def matrix(sides: Sequence[Compiled], workload: Workload) -> Matrix:
    """The matrix of one compiled set of policies, or of two, before and after, of the same model."""
    found = axes((policy for side in sides for policy in side.policies), workload)
    cut = _within_limits(found, sides)
    asker = _Asker(sides, found)
    lines: dict[Hashable, int] = {}
    rows: list[list[int]] = []
    of_program: list[int] = []
    for program in found.programs:
        key = asker.classes(program)
        if key not in lines:
            lines[key] = len(rows)
            rows.append(asker.row(program))
        of_program.append(lines[key])
    result = Matrix(found.programs, found.assets, of_program, rows, list(asker.cells), asker.rulings, cut)
    _without_unknown(result)
    return result


def _without_unknown(found: Matrix) -> None:
    """Leaves out the unknown program where it may do what every other may."""
    kinds = [program.kind for program in found.programs[:2]]
    if kinds == ["other", "unknown"] and found.rows[found.lines[0]] == found.rows[found.lines[1]]:
        del found.programs[1], found.lines[1]


def _within_limits(found: Axes, sides: Sequence[Compiled]) -> list[str]:
    cut: list[str] = []
    if found.unreal:
        cut.append(f"{found.unreal} of the sources are no path that a file can have: no program is ever one of them")
    if found.unshown:
        cut.append(f"{found.unshown} of the patterns are left out: no short path was found that they match")
    rules = max(1, sum(len(policy.rules) for side in sides for policy in side.policies))
    named = {c for side in sides for asset in found.assets for op in asset.ops for c in side.source_classes(op) if c}
    most = MOST_PROGRAMS
    if len(named) * rules > MOST_ENTRIES:
        most = min(most, max(2, MOST_ENTRIES // rules))
    # the unknown program goes where it is like every other: it does not count
    count = sum(program.kind != "unknown" for program in found.programs)
    if count > most:
        cut.append(f"of {count} programs {most} are shown")
        del found.programs[most + len(found.programs) - count :]
    columns = MOST_CELLS // min(count, most)
    if len(found.assets) > columns:
        cut.append(f"of {len(found.assets)} assets {columns} are shown")
        del found.assets[columns:]
    return cut


class _Asker:
    """Asks the lists, only where a program's lists say something beyond those of programs that no rule names."""

    def __init__(self, sides: Sequence[Compiled], found: Axes) -> None:
        self._sides = sides
        self._assets = found.assets
        self._ops: tuple[Op, ...] = tuple(dict.fromkeys(op for asset in found.assets for op in asset.ops))
        self._usual = {op: self._class(op, found.programs[0]) for op in self._ops}
        self._hits: dict[Domain, _Hits] = {}
        self._ranked: dict[tuple[int, Op, str | None], Ranked] = {}
        self._known: dict[Hashable, int] = {}
        self._ways = Ways()
        self._usual_row: list[int] | None = None
        self.rulings: list[Ruling] = []
        self.cells: dict[Cell, int] = {}

    def classes(self, program: Program) -> Hashable:
        """What tells programs apart."""
        return tuple(self._class(op, program) for op in self._ops)

    def _class(self, op: Op, program: Program) -> tuple[str | None, ...]:
        access = Access(op, source=program.source, parent_source=program.source)
        return tuple(side.source_class(access) for side in self._sides)

    def row(self, program: Program) -> list[int]:
        """The numbers of the cells of one program."""
        lists: dict[Op, list[Ranked]] = {op: self._lists(op, self._class(op, program)) for op in self._ops}
        row = [0] * len(self._assets) if self._usual_row is None else list(self._usual_row)
        for number in self._own_assets(lists) if self._usual_row else range(len(row)):
            asset = self._assets[number]
            cell = tuple(self._ruling(number, asset, op, program, lists[op]) for op in asset.ops)
            row[number] = self.cells.setdefault(cell, len(self.cells))
        if self._usual_row is None:
            self._usual_row = row
        return row

    def _own_assets(self, lists: dict[Op, list[Ranked]]) -> Iterable[int]:
        """The assets of which these lists may say something of their own."""
        found: set[int] = set()
        for op, ranked in lists.items():
            for one, usual in zip(ranked, self._lists(op, self._usual[op]), strict=True):
                if one is usual:
                    continue
                if one.own is None:
                    return range(len(self._assets))
                found.update(self._hits[DOMAIN_OF_OP[op]].assets(one.own))
        return sorted(found)

    def _lists(self, op: Op, classes: tuple[str | None, ...]) -> list[Ranked]:
        return [self._list(side, op, source) for side, source in enumerate(classes)]

    def _list(self, side: int, op: Op, source: str | None) -> Ranked:
        found = self._ranked.get((side, op, source))
        if found is None:
            usual = self._usual[op][side]
            base = None if source == usual else self._list(side, op, usual)
            hits = self._hits.get(DOMAIN_OF_OP[op])
            if hits is None:
                hits = self._hits[DOMAIN_OF_OP[op]] = _Hits(self._sides[side].model, self._assets, op)
            found = self._ranked[side, op, source] = Ranked(self._sides[side].list_of(op, source), hits.numbers, base)
        return found

    def _ruling(self, number: int, asset: Asset, op: Op, program: Program, lists: Sequence[Ranked]) -> int:
        hits = self._hits[DOMAIN_OF_OP[op]].of(number)
        key = (op, hits, *map(id, lists))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.rulings)
            reduced = [_Reduced(one.list, one.entries(hits), one.watches(hits)) for one in lists]
            self.rulings.append(_ruling(asset.access(op, program), reduced, self._ways))
        return found


class _Hits:
    """Which matchers of a domain hit which assets; matchers are tried once, when they have got a number."""

    def __init__(self, model: Model, assets: Sequence[Asset], op: Op) -> None:
        nobody = Program("", None)
        self.numbers = Numbers()
        self._subjects = [subject_of(model, asset.access(op, nobody)) for asset in assets]
        self._of_asset: list[list[int]] = [[] for _ in assets]
        self._of_matcher: list[list[int]] = []

    def of(self, asset: int) -> tuple[int, ...]:
        self._catch_up()
        return tuple(self._of_asset[asset])

    def assets(self, matchers: Iterable[int]) -> Iterator[int]:
        self._catch_up()
        for matcher in matchers:
            yield from self._of_matcher[matcher]

    def _catch_up(self) -> None:
        views = self.numbers.views
        for matcher in range(len(self._of_matcher), len(views)):
            hits = views[matcher][1].hits
            found = [number for number, subject in enumerate(self._subjects) if hits(subject)]
            self._of_matcher.append(found)
            for number in found:
                self._of_asset[number].append(matcher)


@dataclass(frozen=True, slots=True)
class _Reduced:
    list: DecisionList
    entries: Sequence[Entry]
    watches: Sequence[Watch]

    def decider(self) -> Callable[[Access], Said]:
        """Decides accesses that hit these matchers and no others."""
        full = self.list
        short = DecisionList(full.model, full.op, tuple(self.entries), full.default, tuple(self.watches))

        def said(access: Access) -> Said:
            first = next((entry for entry in short.entries if entry.condition.holds(access)), None)
            return Said(short.decide(access), None if first is None else first.origin)

        return said


def _ruling(access: Access, lists: Sequence[_Reduced], ways: Ways) -> Ruling:
    # what changes an owner is no way to modify that this table asks about
    conditions = frozenset(
        condition for one in lists for condition in conditions_of(one.entries, one.watches) if condition.chown is None
    )
    deciders = [one.decider() for one in lists]
    depends = _depends(conditions)
    partial = False
    tried: Sequence[Way] = (_PLAIN,)
    if depends:
        try:
            tried = ways.of(conditions)
        except TooManyWaysError:
            partial = True
    found: dict[Hashable, Answer] = {}
    for way in tried:
        case = at(access, way)
        said = tuple(decide(case) for decide in deciders)
        key = tuple((s.decision.verdict, s.decision.reports, key_of(s.origin)) for s in said)
        found.setdefault(key, Answer(case, said))
    answers = tuple(found.values())
    if len(answers) == 1 and not partial:
        return Ruling(answers)
    return Ruling(_few(answers), depends, partial)


def _few(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Some of many, but each that comes to something else."""
    if len(answers) <= _MOST_ANSWERS:
        return answers
    found: dict[Hashable, Answer] = {}
    for answer in answers:
        found.setdefault(tuple(said.sense for said in answer.said), answer)
    return (*found.values(), *(a for a in answers if a not in found.values()))[: max(_MOST_ANSWERS, len(found))]


def _depends(conditions: frozenset[Condition]) -> tuple[str, ...]:
    names = ("owner", "tty", "arguments", "other_process", "container_exec")
    return tuple(name for name in names if any(getattr(condition, name) is not None for condition in conditions))
