"""Policies -> decision lists by the hauberk model (semantics, section 4).

How an order of entries says the precedence: entries are sorted by rank, rules that name the source first,
then by kind of matcher, then by length. Equals of one rank stand together, first all their denials (a Block
rule's before an Allow rule's, then by name), then their passes by name: so the first entry that holds is a
denial if any equal denies, and it names the rule that the text wants named. A rule with requirements is one
denial for each that may fail, followed by its pass; a rule whose denial is unconditional needs no pass.
Presets come before everything, as they deny whatever rules say, and file accesses without a path are let pass
before any rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hauberk.policy.lists import (
    ALWAYS,
    NOT_OWNER,
    ON_TTY,
    Arguments,
    Condition,
    DecisionList,
    Default,
    Entry,
    Origin,
    Watch,
    deny_entry,
    pass_entry,
    posture_default,
)
from hauberk.policy.matching import (
    Anything,
    Below,
    Capable,
    DomainBelow,
    Exact,
    Glob,
    Named,
    Pathless,
    SocketProtocol,
    SocketType,
    Target,
    capability_name,
)
from hauberk.policy.model import (
    DOMAIN_OF_OP,
    Access,
    Action,
    Capability,
    Directory,
    Domain,
    DomainName,
    Flags,
    Matcher,
    Model,
    Op,
    Pattern,
    Policy,
    Posture,
    Program,
    Protocol,
    Report,
    Verdict,
    Workload,
)
from hauberk.policy.patterns import recognizer
from hauberk.policy.semantics.presets import PresetHit, preset_entries
from hauberk.policy.tables import CAPABILITIES, PROTOCOL_NUMBERS, SOCKET_TYPES

Rank = tuple[int, int]
"""Kind of matcher and length, the higher the stronger; whether sources are named is compared before."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A rule with one of the targets it stands for."""

    origin: Origin
    target: Target
    rank: Rank
    sources: tuple[str | None, ...]
    flags: Flags
    action: Action


class Hauberk:
    """The compiler of one workload: the class of a source, the list of an operation for a class."""

    def __init__(self, policies: Sequence[Policy], workload: Workload, posture: Posture) -> None:
        self._policies = policies
        self._workload = workload
        self._posture = posture
        self._placed: dict[Domain, list[_Placed]] = {}
        self._named: dict[Domain, frozenset[str]] = {}

    def source_class(self, access: Access) -> str | None:
        """The source when some rule of the domain names it, else None: all other sources are alike."""
        source = access.source
        return source if source in self.named_sources(access.op) else None

    def named_sources(self, op: Op) -> frozenset[str]:
        """Sources that have a list of their own for this operation."""
        if op == "map_exec":
            return frozenset()
        domain = DOMAIN_OF_OP[op]
        if domain not in self._named:
            self._named[domain] = frozenset(
                source
                for policy in self._policies
                for rule in policy.rules
                if rule.domain == domain
                for source in rule.sources
                if source is not None
            )
        return self._named[domain]

    def build(self, op: Op, source: str | None) -> DecisionList:
        """The list of `op` for one class of sources."""
        entries, watches = preset_entries(self._presets(), op)
        if op == "map_exec":
            return DecisionList(Model.HAUBERK, op, tuple(entries), watches=tuple(watches))
        domain = DOMAIN_OF_OP[op]
        if domain == "file":
            entries.append(Entry(Pathless(), ALWAYS, Verdict.ALLOWED))
        keyed: list[tuple[tuple[bool, int, int, bool, bool, str], Entry]] = []
        for placed in self._rules(domain):
            if placed.sources and (source is None or source not in placed.sources):
                continue
            denials = _denials(placed, op)
            if placed.action is Action.AUDIT:
                if denials:
                    origin = placed.origin
                    report = Report(origin.policy.name, "Audit", origin.name)
                    watches.append(Watch(placed.target, denials, report, origin))
                continue
            keyed.extend(_entries(placed, denials))
        keyed.sort(key=lambda pair: pair[0])
        entries.extend(entry for _, entry in keyed)
        watches.sort(key=lambda watch: (watch.report.policy, watch.report.rule or ""))
        return DecisionList(Model.HAUBERK, op, tuple(entries), self._default(domain), tuple(watches))

    def _default(self, domain: Domain) -> Default:
        listed = any(
            rule.domain == domain and rule.action is Action.ALLOW for policy in self._policies for rule in policy.rules
        )
        return posture_default(allow_listed=listed, blocks=self._posture.of(domain) == "block")

    def _rules(self, domain: Domain) -> list[_Placed]:
        if domain not in self._placed:
            self._placed[domain] = [
                _Placed(Origin(policy, rule), target, rank, rule.sources, rule.flags, rule.action)
                for policy in self._policies
                for rule in policy.rules
                if rule.domain == domain and rule.action is not None
                for target, rank in targets(rule.matcher, self._workload)
            ]
        return self._placed[domain]

    def _presets(self) -> Iterator[PresetHit]:
        for policy in self._policies:
            for preset in policy.presets:
                action = preset.action_text or policy.action_text
                yield PresetHit(Origin(policy, preset), action.lower() != "audit")


def targets(matcher: Matcher, workload: Workload) -> Iterator[tuple[Target, Rank]]:
    """What a matcher stands for, with its rank: nothing if it can match nothing, several for a comma list."""
    match matcher:
        case Program():
            yield from _program(matcher)
        case Directory(dir=text, recursive=deep):
            if text.startswith("/"):
                text = text if text.endswith("/") else text + "/"
                yield Below(text, deep), (0, len(text))
        case Pattern(pattern=text):
            yield from _glob(text, None)
        case Protocol(protocol=text):
            for word in _elements(text):
                yield from _protocol(word)
        case DomainName(domain=text):
            for word in _elements(text):
                yield from _domain(word, workload)
        case Capability(capability=text):
            for word in _elements(text):
                name = capability_name(word)
                if name in CAPABILITIES:
                    yield Capable(name), (0, 0)


def _elements(text: str) -> list[str]:
    return text.replace(" ", "").split(",")


def _program(program: Program) -> Iterator[tuple[Target, Rank]]:
    path, name = program.path, program.execname
    if path is None:
        if name is not None:
            yield Named(name), (2, 0)
    elif "*" in path:
        yield from _glob(path, name)
    elif path.startswith("/") and (name is None or path[path.rfind("/") + 1 :] == name):
        yield Exact(path), (3, 0)


def _glob(pattern: str, name: str | None) -> Iterator[tuple[Target, Rank]]:
    if recognizer(pattern) is not None:
        yield Glob(pattern, name), (1, 0)


def _protocol(word: str) -> Iterator[tuple[Target, Rank]]:
    word = word.lower()
    if word == "all":
        yield Anything(), (0, 0)
    elif word in SOCKET_TYPES:
        yield SocketType(word), (1, 0)
    elif word in PROTOCOL_NUMBERS:
        yield SocketProtocol(PROTOCOL_NUMBERS[word]), (2, 0)


def _domain(word: str, workload: Workload) -> Iterator[tuple[Target, Rank]]:
    name = word.strip(".").lower()
    if not name:
        return
    suffixes = ["", ".cluster.local", ".svc.cluster.local"]
    if workload.namespace is not None:
        suffixes.append(f".{workload.namespace.lower()}.svc.cluster.local")
    yield DomainBelow(tuple(name + suffix for suffix in suffixes)), (0, len(name))


def _denials(placed: _Placed, op: Op) -> tuple[Condition, ...]:
    """When the rule denies: one condition for each requirement that may fail (semantics 4.4)."""
    flags = placed.flags
    denials: list[Condition] = []
    if flags.read_only and op != "read":
        return (ALWAYS,)
    if flags.owner_only:
        denials.append(NOT_OWNER)
    if flags.pts is False:
        denials.append(ON_TTY)
    if flags.allowed_args:
        denials.append(Condition(listed=False, arguments=Arguments(flags.allowed_args)))
    if not denials and not flags.read_only and placed.action is not Action.ALLOW:
        return (ALWAYS,)
    return tuple(denials)


def _entries(
    placed: _Placed, denials: tuple[Condition, ...]
) -> Iterator[tuple[tuple[bool, int, int, bool, bool, str], Entry]]:
    """Entries with their place in the list; False sorts first."""
    kind, length = placed.rank
    blocks = placed.action is Action.BLOCK
    name = placed.origin.name
    unsourced = not placed.sources
    for condition in denials:
        place = (unsourced, -kind, -length, False, not blocks, name)
        yield place, deny_entry(placed.target, condition, placed.origin, blocks=blocks)
    if ALWAYS not in denials:
        # Passes go by name alone, whatever their action.
        yield (unsourced, -kind, -length, True, False, name), pass_entry(placed.target, placed.origin)
