"""What one workload's policies are in the kernel, before a seed of a loader's numbers is known (pure values)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hauberk.enforcer.kernel.dfa import Automaton
from hauberk.enforcer.kernel.hashing import Seed
from hauberk.enforcer.kernel.wire import CELL, HEADER, STATE, VALUE_BYTES, Area, Flag, Kind
from hauberk.policy.lists import Origin


@dataclass(frozen=True, slots=True)
class Cell:
    """Numbers of rules and of sets of Audit rules, see `struct hbk_cell`; 0 is none."""

    deny: int = 0
    deny_other: int = 0
    deny_tty: int = 0
    passes: int = 0
    watch: int = 0
    watch_other: int = 0
    watch_tty: int = 0

    @property
    def denies(self) -> bool:
        return bool(self.deny or self.deny_other or self.deny_tty)

    def pack(self) -> bytes:
        return CELL.pack(
            self.deny,
            self.deny_other,
            self.deny_tty,
            self.passes,
            self.watch,
            self.watch_other,
            self.watch_tty,
            0,
        )


NO_CELL = Cell()


@dataclass(frozen=True, slots=True)
class Place:
    """A key before it is hashed.

    `what` is the components of a path, the one component of a name, or a number; `source` the components of a
    program's path, None for all sources.
    """

    area: Area
    kind: Kind
    what: tuple[bytes, ...] | int
    source: tuple[bytes, ...] | None = None

    def key(self, seed: Seed) -> int:
        """The 64-bit key under a boot's seed."""
        what = self.what
        if not isinstance(what, int):
            what = seed.name(what[0]) if self.kind is Kind.NAME else seed.path(what)
        return seed.key(what, self.area, self.kind, 0 if self.source is None else seed.path(self.source))


_NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Header:
    """What to look for in one domain for one source, see `struct hbk_header`."""

    flags: Flag = _NO_FLAGS
    exact_depths: int = 0
    dir_depths: int = 0
    start: int = 0
    memory_deny: int = 0
    memory_watch: int = 0

    def pack(self, automaton: int) -> bytes:
        return HEADER.pack(
            self.exact_depths,
            self.dir_depths,
            self.flags,
            automaton,
            self.start,
            self.memory_deny,
            self.memory_watch,
        )


@dataclass(frozen=True, slots=True)
class Image:
    """All that the kernel holds for a workload.

    `cells` has the two sides of a value. `rules[n - 1]` is the rule of number n, `sets[n - 1]` the Audit rules of
    set n, as numbers of `rules`.
    """

    headers: Mapping[Place, Header] = field(default_factory=dict[Place, Header])
    cells: Mapping[Place, tuple[Cell, Cell]] = field(default_factory=dict[Place, tuple[Cell, Cell]])
    automata: Mapping[Area, Automaton] = field(default_factory=dict[Area, Automaton])
    rules: Sequence[Origin] = ()
    sets: Sequence[tuple[int, ...]] = ()

    @property
    def size(self) -> int:
        """Entries of its map; at least 1, as the kernel knows no map without."""
        return max(1, len(self.headers) + len(self.cells))

    def entries(self, seed: Seed, automata: Mapping[Area, int]) -> Iterator[tuple[int, bytes]]:
        """Key and value of every entry; `automata` are the numbers under which automata were loaded."""
        for place, header in self.headers.items():
            yield place.key(seed), header.pack(automata.get(place.area, 0))
        for place, (first, second) in self.cells.items():
            yield place.key(seed), first.pack() + second.pack()

    def states(self, area: Area) -> Iterator[bytes]:
        """The rows of a domain's automaton, from state 0 on."""
        automaton = self.automata[area]
        for row, accepts in zip(automaton.rows, automaton.accepts, strict=True):
            yield STATE.pack(bytes(row), accepts)


assert CELL.size * 2 == VALUE_BYTES == HEADER.size  # noqa: S101  the union of wire.h
