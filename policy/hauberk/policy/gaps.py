"""What the lists of one workload let through: assets given to some and open to all, places to drop a program in.

Paths are asked under process and file rules at once, by classes of one automaton, so that "may be written" and
"may be run" are said of the same path. Every access that is named is decided again by the lists as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hauberk.policy.circumstances import TooManyWaysError, Way, Ways, at
from hauberk.policy.decision import Compiled
from hauberk.policy.differences import access_of
from hauberk.policy.ends import PATH_OPS, allow_listed, counted_ends, familiar
from hauberk.policy.lists import Condition, Entry, Origin
from hauberk.policy.matching import Below, Target
from hauberk.policy.model import (
    NO_FLAGS,
    Access,
    Action,
    Directory,
    Op,
    Program,
    Rule,
    Verdict,
)
from hauberk.policy.realpaths import real_path
from hauberk.policy.rulings import (
    Actor,
    Key,
    Numbers,
    Outcome,
    Ranked,
    conditions_of,
    key_of,
    outcome,
    sources_of,
    unnamed,
)
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import Hints, Limit, TargetClass, Wanted

OPS: tuple[Op, ...] = ("read", "write", "modify")
_MEMORY_FOLDERS = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/var/run/")  # noqa: S108  no file is made
"""Where every image lets everybody write."""


@dataclass(frozen=True, slots=True)
class OpenAsset:
    """`access` by `access.source`, whom `rule` does not name, passes; `through` is what lets it, None the posture.

    `when` says in words what must hold besides: "" or that the user owns the file, or does not.
    """

    rule: Origin
    access: Access
    through: Origin | None
    reported: bool
    when: str = ""


@dataclass(frozen=True, slots=True)
class DropPlace:
    """`rule` lets run what `through` (None: no rule at all) lets be written."""

    rule: Origin
    write: Access
    run: Access
    through: Origin | None


@dataclass(frozen=True, slots=True)
class Unopened:
    """What `rule` lets run by a directory, pattern or name no file rule lets be opened, wherever it stands."""

    rule: Origin
    read: Access
    denied: bool


@dataclass(frozen=True, slots=True)
class Gaps:
    """`ends`: for an operation the plainest access that no rule decides, where the domain has an allow-list."""

    open_assets: tuple[OpenAsset, ...] = ()
    drop_places: tuple[DropPlace, ...] = ()
    unopened: tuple[Unopened, ...] = ()
    ends: tuple[Access, ...] = ()
    inconclusive: str | None = None


def gaps(compiled: Compiled, hints: Hints, limit: Limit | None = None) -> Gaps:
    """All gaps of one workload; `inconclusive` names what may hide others."""
    given = [origin for origin in _rules(compiled, "file") if _is_given(origin, compiled)]
    runnable = [origin for origin in _rules(compiled, "process") if _action(origin) is Action.ALLOW]
    limit = limit or Limit()
    if not given and not runnable and not allow_listed(compiled, PATH_OPS):
        found = Gaps()
    else:
        found = _Scan(compiled, given, runnable, hints, limit).run()
    ends = (*found.ends, *counted_ends(compiled, unnamed(compiled), hints, limit))
    for access in ends:
        if compiled.decide(access).rule is not None:
            raise RuntimeError(f"the lists have a rule for what the search of gaps said to have none: {access}")
    return replace(found, ends=ends)


def _rules(compiled: Compiled, domain: str) -> Iterator[Origin]:
    for policy in compiled.policies:
        for rule in policy.rules:
            if rule.domain == domain:
                yield Origin(policy, rule)


def _action(origin: Origin) -> Action | None:
    return origin.entry.action if isinstance(origin.entry, Rule) else None


def _is_given(origin: Origin, compiled: Compiled) -> bool:
    """Whether the rule gives something to named programs that no other rule gives to everybody by the same name."""
    rule = origin.entry
    if not isinstance(rule, Rule) or not any(rule.sources):
        return False
    if rule.action is not Action.ALLOW and not (rule.action is Action.BLOCK and rule.flags.read_only):
        return False
    if isinstance(rule.matcher, Directory) and rule.matcher.dir in ("", "/"):
        return False
    return not any(
        other.action is Action.ALLOW
        and not other.sources
        and other.matcher == rule.matcher
        and other.flags in (NO_FLAGS, rule.flags)
        for policy in compiled.policies
        for other in policy.rules
        if other.domain == "file"
    )


class _Scan:
    def __init__(
        self, compiled: Compiled, given: Sequence[Origin], runnable: Sequence[Origin], hints: Hints, limit: Limit
    ) -> None:
        self._compiled = compiled
        self._given = {key_of(origin): origin for origin in given}
        self._runnable = {key_of(origin): origin for origin in runnable}
        self._numbers = Numbers()
        self._ways = Ways()
        self._other = unnamed(compiled)
        self._lists: dict[tuple[Op, str], Ranked] = {}
        self._writers = _writers(compiled) if runnable else []
        for op in ("exec", *OPS):
            self._list(op, self._other)
        for source in self._writers:
            self._list("write", source)
        for origin in (*given, *runnable):
            for source in sources_of(origin):
                for op in ("exec",) if origin.entry.id.startswith("process") else OPS:
                    self._list(op, source)
        self._targets = Targets("file", self._numbers.views, hints, limit, {})
        self._too_many = False
        self._who = self._somebody()
        self._readable: set[Key] = set()
        self._assets: dict[tuple[Key, Op], OpenAsset] = {}
        self._drops: dict[Key, DropPlace] = {}
        self._unopened: dict[Key, Unopened] = {}
        self._ends: dict[Op, Access] = {}

    def run(self) -> Gaps:
        ends = set(allow_listed(self._compiled, PATH_OPS))
        wanted = Wanted(self._numbers_of(self._given, OPS) | self._numbers_of(self._runnable, ("exec",)))
        wanted.everything = bool(ends)
        for found in self._targets.classes(wanted):
            try:
                self._class(found, ends)
            except TooManyWaysError:
                self._too_many = True
            wanted.everything = bool(ends - self._ends.keys())
        left = [one for key, one in self._unopened.items() if key not in self._readable]
        self._confirm()
        return Gaps(
            tuple(self._assets.values()),
            tuple(self._drops.values()),
            tuple(left),
            tuple(self._ends.values()),
            self._cause(),
        )

    def _confirm(self) -> None:
        """Decides every witness again by the lists as they are; raises RuntimeError where they say otherwise."""
        passing = [one.access for one in self._assets.values()]
        for drop in self._drops.values():
            passing += [drop.write, drop.run]
        for access in passing:
            if self._compiled.decide(access).verdict is not Verdict.ALLOWED:
                raise RuntimeError(f"the lists deny what the search of gaps said to pass: {access}")
        for unopened in self._unopened.values():
            if self._compiled.decide(unopened.read).rule is not None:
                raise RuntimeError(f"the lists have a rule for what is said to be opened by none: {unopened.read}")

    def _cause(self) -> str | None:
        if self._too_many:
            return "the combinations of its argument lists"
        return self._targets.exhausted or next(iter(self._targets.loose.values()), None)

    def _list(self, op: Op, source: str) -> Ranked:
        found = self._lists.get((op, source))
        if found is None:
            base = self._lists.get((op, self._other))
            name = self._compiled.source_class(Access(op, source=source, parent_source=source))
            made = self._compiled.list_of(op, name)
            found = self._lists[op, source] = Ranked(made, self._numbers, base)
        return found

    def _numbers_of(self, rules: dict[Key, Origin], ops: Iterable[str]) -> set[int]:
        model, wanted = self._compiled.model, set(ops)
        return {
            self._numbers.of(model, ranked.list.entries[place].target)
            for (op, _), ranked in self._lists.items()
            if op in wanted
            for place in ranked.own_places
            if key_of(ranked.list.entries[place].origin) in rules
        }

    def _somebody(self) -> str:
        """A program that stands for those whom no file rule names: one that may run here, if there is any."""
        for origin in self._runnable.values():
            matcher = origin.entry.matcher if isinstance(origin.entry, Rule) else None
            path = matcher.path if isinstance(matcher, Program) else None
            if path and "*" not in path and real_path(path):
                same = [self._compiled.source_class(Access("read", source=who)) for who in (path, self._other)]
                if same[0] == same[1]:
                    return path
        return self._other

    # -- one class

    def _class(self, found: TargetClass, ends: set[Op]) -> None:
        hits = (*found.hits, *found.loose)
        for op in ends - self._ends.keys():
            way = self._plain(op, self._other, hits)
            said = self._say(op, self._other, hits, way)
            if said.origin is None and said.target is None and found.target.startswith("/"):
                self._ends[op] = familiar(self._compiled, self._access(op, self._other, found, way))
        for op in OPS:
            for key in self._deciding(op, self._given, hits):
                if (key, op) not in self._assets:
                    self._asset(op, key, found, hits)
        for key in self._deciding("exec", self._runnable, hits):
            self._program(key, found, hits)

    def _deciding(self, op: Op, rules: dict[Key, Origin], hits: Sequence[int]) -> list[Key]:
        """The rules of these that have an entry here, in any list."""
        found: dict[Key, None] = {}
        for (own, _), ranked in self._lists.items():
            if own == op:
                entries = ranked.entries(hits)
                found.update((key, None) for entry in entries if (key := key_of(entry.origin)) in rules)
        return list(found)

    def _asset(self, op: Op, key: Key, found: TargetClass, hits: Sequence[int]) -> None:
        rule = self._given[key]
        for source in sources_of(rule):
            for way in self._both(op, source, self._other, hits):
                own, others = self._say(op, source, hits, way), self._say(op, self._other, hits, way)
                if key_of(own.origin) == key and own.verdict is others.verdict is Verdict.ALLOWED:
                    access = self._access(op, self._who, found, way)
                    when = self._when(access)
                    self._assets[key, op] = OpenAsset(rule, access, others.origin, bool(others.alerts), when)
                    return

    def _when(self, access: Access) -> str:
        owns = access.uid == access.owner_uid
        other = replace(access, uid=access.owner_uid + 1000 if owns else access.owner_uid)
        if self._compiled.decide(other).verdict is self._compiled.decide(access).verdict:
            return ""
        return "as the owner of the file" if owns else "as somebody who does not own the file"

    def _program(self, key: Key, found: TargetClass, hits: Sequence[int]) -> None:
        rule = self._runnable[key]
        for source in sources_of(rule) or [self._other]:
            way = self._running(key, source, hits)
            if way is None:
                continue
            if key not in self._drops and not _is_everything(rule):
                self._drop(rule, replace(self._access("exec", source, found, way), parent_source=source), found, hits)
            end = self._list("read", self._other).list.default
            reading = self._plain("read", self._other, hits)
            opened = self._say("read", self._other, hits, reading)
            if opened.origin is not None or not end.allow_listed:
                self._readable.add(key)
            elif key not in self._unopened and not _is_one_file(rule):
                access = self._access("read", self._other, found, reading)
                self._unopened[key] = Unopened(rule, access, opened.verdict is Verdict.DENIED)

    def _running(self, key: Key, source: str, hits: Sequence[int]) -> Way | None:
        """The plainest way in which the rule lets run what is hit; with arguments that it lists, say."""
        for way in self._ways.of(self._conditions("exec", source, hits)):
            said = self._say("exec", source, hits, way)
            if key_of(said.origin) == key and said.verdict is Verdict.ALLOWED:
                return way
        return None

    def _drop(self, rule: Origin, run: Access, found: TargetClass, hits: Sequence[int]) -> None:
        for writer in (self._other, *self._writers):
            way = self._plain("write", writer, hits)
            written = self._say("write", writer, hits, way)
            if written.verdict is Verdict.ALLOWED and self._counts(rule, written, found.target):
                who = self._who if writer == self._other else writer
                write = self._access("write", who, found, way)
                self._drops[key_of(rule)] = DropPlace(rule, write, run, written.origin)
                return

    @staticmethod
    def _counts(rule: Origin, written: Outcome, path: str) -> bool:
        if written.origin is None:
            return not written.alerts and path.startswith(_MEMORY_FOLDERS)
        # what `/` gives to everybody is a finding of its own
        return _action(written.origin) is Action.ALLOW and not (_is_one_file(rule) and _is_root(written.target))

    # -- lists

    def _both(self, op: Op, one: str, other: str, hits: Sequence[int]) -> Sequence[Way]:
        conditions = self._conditions(op, one, hits) | self._conditions(op, other, hits)
        return self._ways.of(conditions)

    def _conditions(self, op: Op, source: str, hits: Sequence[int]) -> frozenset[Condition]:
        ranked = self._list(op, source)
        return conditions_of(ranked.entries(hits), ranked.watches(hits))

    def _plain(self, op: Op, source: str, hits: Sequence[int]) -> Way:
        return self._ways.of(self._conditions(op, source, hits))[0]

    def _say(self, op: Op, source: str, hits: Sequence[int], way: Way) -> Outcome:
        ranked = self._list(op, source)
        entries: list[Entry] = ranked.entries(hits)
        return outcome(ranked, entries, ranked.watches(hits), way.holding)

    def _access(self, op: Op, source: str, found: TargetClass, way: Way) -> Access:
        return at(access_of(op, Actor((), source, source), found), way)


def _writers(compiled: Compiled) -> list[str]:
    """Programs that an Allow rule for files names."""
    named = (
        source
        for origin in _rules(compiled, "file")
        if _action(origin) is Action.ALLOW
        for source in sources_of(origin)
    )
    return list(dict.fromkeys(named))


def _is_one_file(origin: Origin) -> bool:
    matcher = origin.entry.matcher if isinstance(origin.entry, Rule) else None
    return isinstance(matcher, Program) and matcher.path is not None


def _is_everything(origin: Origin) -> bool:
    matcher = origin.entry.matcher if isinstance(origin.entry, Rule) else None
    return isinstance(matcher, Directory) and matcher.dir == "/"


def _is_root(target: Target | None) -> bool:
    return isinstance(target, Below) and target.dir == "/"
