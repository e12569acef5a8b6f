"""The rules of several policies in parts that no access joins, so that each part can be asked about by itself.

Two rules are in one part if one path can be hit by both in any reading of either model, or if the daemon of KubeArmor
writes both under one key. Lists are walked until an entry holds, so what a list says to an access hangs on the
entries that the access hits, in their order, and on its end. The entries that an access hits are all of one part. The
end is that of an allow-list or not: with the rules of a part two Allow rules are looked at, if there are any, which are
enough for every list to end as it does with all rules, whichever one of these rules is left out. So the lists of one
part's rules say to each access that hits one of them just what the lists of all rules say. Where that is not certain
(a lone Allow rule, names without a directory, paths beyond the bounds of KubeArmor's programs) all rules of a domain
are one part, as they are in domains without paths.

A rule that names the program which stands for all that no rule names joins a domain, too, so that accesses are shown
as they would be to all rules at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from hauberk.policy.matching import SEEN_BYTES, SEEN_COMPONENTS
from hauberk.policy.model import NO_FLAGS, Action, Directory, Domain, Flags, Pattern, Policy, Program, Rule
from hauberk.policy.patterns import Recognizer, recognizer
from hauberk.policy.realpaths import real_path, size_of
from hauberk.policy.rulings import OTHER_PROGRAM
from hauberk.policy.semantics.kubearmor import WINDOW
from hauberk.policy.semantics.store import action_of

Spot = tuple[int, int]
"""Number of a policy, and of a rule in it."""

DOMAINS: tuple[Domain, ...] = get_args(Domain)
_PATHS: tuple[Domain, ...] = ("process", "file")
_READ_ONLY = Flags(read_only=True)
_SPECIAL = ("/dev/shm/", "/run/shm/", "/proc/")  # noqa: S108  no file is made
"""Where presets look."""


@dataclass(frozen=True, slots=True)
class Part:
    """`rules` of one domain, ascending; `plain` if there is nothing to say about them, see `is_plain`.

    `beside` are Allow rules, of which nothing is asked: with them the lists end as all do. Unless they are `apart`
    these are all rules of the domain.
    """

    domain: Domain
    rules: tuple[Spot, ...]
    plain: bool = False
    beside: tuple[Spot, ...] = ()
    apart: bool = False


@dataclass(frozen=True, slots=True)
class _Region:
    """Paths that a rule can hit: one, a directory and all below it (`text` ends with `/`), or those of a pattern."""

    text: str
    directory: bool = False
    pattern: Recognizer | None = None


@dataclass(slots=True)
class Regions:
    """What rules can hit, worked out once for each policy; those are kept, so that no other gets their ids."""

    _policies: dict[int, Policy] = field(default_factory=dict[int, Policy])
    _regions: dict[int, tuple[tuple[_Region | None, bool, bool], ...]] = field(
        default_factory=dict[int, tuple[tuple[_Region | None, bool, bool], ...]]
    )
    _meetings: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    def parts(self, policies: Sequence[Policy], both: Sequence[bool]) -> list[Part]:
        """All rules in parts, in order of their first rules by domain; `both` if both models have the policy."""
        by_domain: dict[Domain, list[tuple[Spot, _Region | None, bool]]] = {domain: [] for domain in DOMAINS}
        allowing: dict[Domain, list[tuple[bool, Spot]]] = {domain: [] for domain in DOMAINS}
        lone: set[Domain] = set()
        for number, policy in enumerate(policies):
            for position, (rule, (region, allows, plain)) in enumerate(
                zip(policy.rules, self._of(policy), strict=True)
            ):
                by_domain[rule.domain].append(((number, position), region, plain and both[number]))
                # a pattern is no rule to KubeArmor
                alike = rule.action is action_of(rule) and both[number] and not isinstance(rule.matcher, Pattern)
                if allows and alike:
                    allowing[rule.domain].append((not plain, (number, position)))
                elif allows:
                    lone.add(rule.domain)
        found: list[Part] = []
        for domain, rows in by_domain.items():
            if not rows:
                continue
            regions = [region for _, region, _ in rows if region is not None]
            # those of which nothing is to be said are asked about soonest
            beside = tuple(spot for _, spot in sorted(allowing[domain])[:2])
            if len(regions) < len(rows) or (len(beside) < 2 and (beside or domain in lone)):
                found.append(Part(domain, tuple(spot for spot, _, _ in rows)))
                continue
            for members in self._joined(regions):
                plain = len(members) == 1 and rows[members[0]][2]
                found.append(Part(domain, tuple(rows[member][0] for member in members), plain, beside, apart=True))
        return found

    def _of(self, policy: Policy) -> tuple[tuple[_Region | None, bool, bool], ...]:
        """By rule its region, whether it allows in either model, and whether it is plain."""
        found = self._regions.get(id(policy))
        if found is None:
            self._policies[id(policy)] = policy
            rows: list[tuple[_Region | None, bool, bool]] = []
            for rule in policy.rules:
                usual = any(source and source.startswith(OTHER_PROGRAM) for source in rule.sources)
                region = _region(rule) if rule.domain in _PATHS and not usual else None
                allows = Action.ALLOW in (rule.action, action_of(rule))
                rows.append((region, allows, region is not None and is_plain(rule)))
            found = self._regions[id(policy)] = tuple(rows)
        return found

    def _joined(self, regions: Sequence[_Region]) -> list[list[int]]:
        """Numbers of regions that meet, directly or by way of others."""
        first: dict[str, int] = {}
        parent = list(range(len(regions)))

        def root(one: int) -> int:
            while parent[one] != one:
                parent[one] = parent[parent[one]]
                one = parent[one]
            return one

        def join(one: int, other: int) -> None:
            mine, its = root(one), root(other)
            parent[max(mine, its)] = min(mine, its)

        patterns: list[int] = []
        for number, region in enumerate(regions):
            if region.pattern is not None:
                patterns.append(number)
                # of two patterns it is not asked whether they can meet
                join(number, patterns[0])
            else:
                join(number, first.setdefault(region.text, number))
        directories = [text for text in first if text[-1] == "/"]
        if directories:
            wide = set(directories)
            for text, number in first.items():
                # a directory is hit as a path, too
                places = [text, f"{text}/"] if text[-1] != "/" else [text]
                for place in places:
                    for above in _above(place):
                        if above in wide:
                            join(number, first[above])
        for text, number in first.items():
            for pattern in patterns:
                # those that have met are asked no more
                if root(pattern) != root(number) and self._meet(regions[pattern], text):
                    join(pattern, number)
        members: dict[int, list[int]] = {}
        for number in range(len(regions)):
            members.setdefault(root(number), []).append(number)
        return list(members.values())

    def _meet(self, pattern: _Region, text: str) -> bool:
        key = (pattern.text, text)
        found = self._meetings.get(key)
        if found is None:
            machine = pattern.pattern
            found = machine is None or machine.accepts(text.rstrip("/") or "/")
            if not found and machine is not None and text[-1] == "/":
                found = machine.begins(text)
            self._meetings[key] = found
        return found


def _above(place: str) -> Iterable[str]:
    """The path itself, if it ends so, and all that it lies in, with their slashes."""
    at = place.find("/")
    while at >= 0:
        yield place[: at + 1]
        at = place.find("/", at + 1)


def _region(rule: Rule) -> _Region | None:
    """The paths that the rule can hit by either model, and the keys that it is written under; None if not certain."""
    match rule.matcher:
        case Program(path=str(path), execname=None):
            if not _within(path) or path == "/":
                return None
            if "*" not in path:
                return _Region(path)
            return _pattern(path)
        case Directory(dir=text):
            # without the slash at its end it is written under the directory around it
            if text == "/" or (text.endswith("/") and _within(text[:-1])):
                return _Region(text, directory=True)
            return None
        case Pattern(pattern=text):
            return _pattern(text)
        case _:
            return None


def _within(path: str) -> bool:
    """Whether KubeArmor's programs see the path as it is, and no longer one for it."""
    return real_path(path) and size_of(path) < SEEN_BYTES and path.count("/") < SEEN_COMPONENTS


def _pattern(text: str) -> _Region | None:
    found = recognizer(text)
    # to KubeArmor a path with an asterisk is the name of one file
    if found is None or not text.startswith("/") or (real_path(text) and not found.accepts(text)):
        return None
    return _Region(text, pattern=found)


def never_parts(rules: Iterable[Rule]) -> bool:
    """Whether the models cannot part by these rules, a part of policies that both have, where there is no Allow rule.

    Those that both models have are Blocks of the same paths, sources and operations, and nothing else can decide but a
    preset: so each access is denied by both or by none, whichever rule comes first. What only hauberk's model has are
    patterns, of which nothing is told, and Audits, which decide nothing.
    """
    flags: set[Flags] = set()
    for rule in rules:
        if rule.action is not action_of(rule):
            return False
        if rule.action is Action.AUDIT:
            continue
        if rule.action is not Action.BLOCK:
            return False
        flags.add(rule.flags)
        if not isinstance(rule.matcher, Pattern) and not is_plain(rule):
            return False
    return len(flags) <= 1 and flags <= {NO_FLAGS, _READ_ONLY}


def is_plain(rule: Rule) -> bool:
    """Whether there is nothing to say about the rule where no other rule has to do with what it hits.

    It is the same to both models, of one file or of a directory with all below it, without requirements but readOnly,
    with which an Allow rule is another to each model. Then it is the only rule that hits its own path, under ordinary
    conditions no preset does, and without it the end of the list would decide. That passes in silence where a Block
    denies and an Audit reports; or it is that of an allow-list, which reports in the name of the posture, where an
    Allow rule passes in silence, a Block denies in its own name, or with readOnly passes, and an Audit reports too. So
    the rule is reachable and needed in either model that has it. Both models hold the same matchers and deny the same
    operations, so they do not part by it; an Audit decides nothing in either, to KubeArmor it is no rule.
    """
    action = rule.action
    if action is None or action is not action_of(rule):
        return False
    if rule.flags != NO_FLAGS and (rule.domain != "file" or rule.flags != _READ_ONLY or action is Action.ALLOW):
        return False
    if not all(source is not None and _within(source) for source in rule.sources):
        return False
    match rule.matcher:
        case Program(path=str(path), execname=None):
            return _within(path) and "*" not in path and not f"{path}/".startswith(_SPECIAL)
        case Directory(dir=text, recursive=True):
            special = any(text.startswith(place) or place.startswith(text) for place in _SPECIAL)
            return text != "/" and not special and size_of(text) <= WINDOW
        case _:
            return False
