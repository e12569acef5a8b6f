"""What one entry of a decision list becomes: the keys it is found under, and what it adds to a value (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hauberk.enforcer.kernel.hashing import components_of
from hauberk.enforcer.kernel.wire import COMPONENTS, NAME_BYTES, Kind
from hauberk.policy.lists import ALWAYS, NOT_OWNER, Condition, DecisionList, Entry, Origin, Watch
from hauberk.policy.matching import (
    Anything,
    Below,
    Capable,
    Exact,
    Named,
    SocketProtocol,
    SocketType,
    Target,
    octets,
)
from hauberk.policy.model import Action, Rule, Verdict
from hauberk.policy.tables import CAPABILITY_NAMES

_SOCKET_NUMBERS = {"stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5, "dccp": 6, "packet": 10}


class NotEncodableError(ValueError):
    """A policy has a rule that the programs cannot decide by; `origin` is None when it is no single rule."""

    def __init__(self, reason: str, origin: Origin | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.origin = origin


@dataclass(slots=True)
class Draft:
    """One side of a value while entries are read in the order of their list."""

    deny: int = 0
    deny_other: int = 0
    deny_tty: int = 0
    passes: int = 0
    watch: set[int] = field(default_factory=set[int])
    watch_other: set[int] = field(default_factory=set[int])
    watch_tty: set[int] = field(default_factory=set[int])

    def add(self, entry: Entry, number: int) -> None:
        """An entry of the list; the first of its kind is the one that is named."""
        if entry.verdict is Verdict.ALLOWED:
            self.passes = self.passes or number
        elif entry.condition == ALWAYS:
            self.deny = self.deny or number
        elif entry.condition == NOT_OWNER:
            self.deny_other = self.deny_other or number
        else:
            self.deny_tty = self.deny_tty or number

    def add_watch(self, condition: Condition, number: int) -> None:
        if condition == ALWAYS:
            self.watch.add(number)
        elif condition == NOT_OWNER:
            self.watch_other.add(number)
        else:
            self.watch_tty.add(number)


def parts_of(one: DecisionList) -> Iterator[Entry | Watch]:
    yield from one.entries
    yield from one.watches


def blocks(origin: Origin) -> bool:
    return not isinstance(origin.entry, Rule) or origin.entry.action is Action.BLOCK


def names_sources(origin: Origin) -> bool:
    return isinstance(origin.entry, Rule) and bool(origin.entry.sources)


def places_of(target: Target) -> Iterator[tuple[Kind, tuple[bytes, ...] | int]]:
    """Where the kernel looks for a target; nothing for what no file, socket or capability can be."""
    match target:
        case Exact(path):
            components = components_of(octets(path))
            if components is not None and len(components) <= COMPONENTS:
                yield Kind.EXACT, components
        case Named(name):
            encoded = octets(name)
            if encoded and len(encoded) <= NAME_BYTES:
                yield Kind.NAME, (encoded,)
        case Below(text, deep):
            components = () if text == "/" else components_of(octets(text[:-1])) or None
            if components is not None and len(components) <= COMPONENTS:
                yield Kind.NEAR, components
                if deep:
                    yield Kind.FAR, components
        case SocketProtocol(number):
            yield Kind.PROTOCOL, number
        case SocketType(name):
            yield Kind.TYPE, _SOCKET_NUMBERS[name]
        case Anything():
            yield Kind.ALL, 0
        case Capable(name):
            yield Kind.CAPABILITY, CAPABILITY_NAMES.index(name)
        case _:
            raise NotEncodableError(f"{type(target).__name__} is not enforced")
