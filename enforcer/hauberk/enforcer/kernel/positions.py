"""Patterns -> positions: what their automata wait for, of all patterns together, and what bounds the work.

The first stage of `dfa`. Sets of positions are the bits of one integer, as sets are united far more often than read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hauberk.policy.matching import Glob
from hauberk.policy.patterns import SLASH, Automaton, Ranges, parse_pattern

STRAY = 0xDC00
"""A byte b that is part of no character is the character U+DC00 + b."""

_DECODED: Ranges = ((0, 0xD7FF), (STRAY + 0x80, STRAY + 0xFF), (0xE000, 0x10FFFF))
"""Characters that a decoded path can hold."""

_MOST_POSITIONS = 16_384
"""Bounds the size of one set, 2 KiB, as `_MOST_STEPS` bounds how many sets there are."""

_MOST_STEPS = 4_000_000
"""A step takes a microsecond at most, so hostile patterns are given up after seconds."""

_START = 1 << _MOST_POSITIONS
"""Where paths begin, in sets of what leads to a position."""

_SLASHES: Ranges = ((SLASH, SLASH),)


class TooManyStatesError(Exception):
    """The automaton is larger than allowed, or would be before it can be known: `reached`, and the `bound` of that."""

    def __init__(self, reached: int, bound: int, what: str) -> None:
        super().__init__(f"the automaton of these patterns is too large: {reached} {what}, more than {bound}")
        self.reached = reached
        self.bound = bound


@dataclass(slots=True)
class Meter:
    """Counts what all stages do; `states` is how many there are so far."""

    states: int = 0
    steps: int = 0

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise TooManyStatesError(self.steps, _MOST_STEPS, f"steps of work with {self.states} states")


def bits(mask: int) -> Iterator[int]:
    """The places of ones, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Positions:
    """All positions of all patterns, numbered.

    Position p reads one character of `ranges[reads[p]]` and leads to the set `follow[p]`; `start` is where paths begin.
    The end of a glob is a position that reads nothing, `ends` says of which glob. What is reached together and reads
    the same is one position: patterns share what they begin with. What leads to no end is in no set.
    """

    def __init__(self, globs: Sequence[Glob], meter: Meter) -> None:
        self.ranges: list[Ranges] = []
        self.reads: list[int] = []
        self.follow: list[int] = []
        self.start = 0
        self.ends: dict[int, int] = {}
        self._symbols: dict[Ranges, int] = {}
        self._known: dict[tuple[int, int, bool, int], int] = {}
        self._meter = meter
        for index, glob in enumerate(globs):
            pattern = parse_pattern(glob.pattern)
            if pattern is not None and "/" not in (glob.name or ""):
                self._add(index, pattern, glob.name)
        self._trim()

    def _add(self, index: int, pattern: Automaton, name: str | None) -> None:
        """Positions are states of the pattern at places of the name; place -1 is before its component.

        A pattern's moves lead forward or stay, so whatever leads to a state is known when the state is met.
        """
        size = len(pattern.moves)
        if size > _MOST_POSITIONS:
            raise TooManyStatesError(size, _MOST_POSITIONS, "positions in one pattern")
        self._meter.spend(size)
        closures = _closures(pattern)
        first, last = (0, 0) if name is None else (-1, len(name))
        arrivals: list[dict[int, int]] = [{} for _ in range(size)]
        self._arrive(arrivals, closures[0], first, _START)
        for state, places in enumerate(arrivals):
            move = pattern.moves[state]
            while places:
                place = min(places)
                sources = places.pop(place)
                self._meter.spend(len(move[0]) if move is not None else 1)
                for ranges, after in _reads(move[0], place, name) if move is not None else ():
                    ahead = closures[move[1]] if move is not None else 0
                    loops = after == place and bool(ahead >> state & 1)
                    position = self._position(ranges, sources, loops=loops)
                    if loops:
                        sources |= 1 << position
                        ahead ^= 1 << state
                    self._arrive(arrivals, ahead, after, 1 << position)
                if state == pattern.accept and place == last:
                    self._position((), sources, index)

    def _arrive(self, arrivals: list[dict[int, int]], states: int, place: int, source: int) -> None:
        self._meter.spend(states.bit_count())
        for state in bits(states):
            arrivals[state][place] = arrivals[state].get(place, 0) | source

    def _position(self, ranges: Ranges, sources: int, index: int = -1, *, loops: bool = False) -> int:
        """The position that the set `sources` leads to; with `loops`, itself too."""
        self._meter.spend(sources.bit_count() + len(ranges))
        symbol = self._symbols.setdefault(ranges, len(self.ranges))
        if symbol == len(self.ranges):
            self.ranges.append(ranges)
        key = (symbol, index, loops, sources)
        position = self._known.get(key)
        if position is not None:
            return position
        position = self._known[key] = len(self.reads)
        if position == _MOST_POSITIONS:
            raise TooManyStatesError(position + 1, _MOST_POSITIONS, "positions in patterns")
        self.reads.append(symbol)
        self.follow.append(1 << position if loops else 0)
        if index >= 0:
            self.ends[position] = index
        if sources & _START:
            self.start |= 1 << position
        for source in bits(sources & ~_START):
            self.follow[source] |= 1 << position
        return position

    def _trim(self) -> None:
        useful = 0
        for position in reversed(range(len(self.follow))):
            if position in self.ends or self.follow[position] & useful:
                useful |= 1 << position
            self.follow[position] &= useful
        self.start &= useful


def _closures(pattern: Automaton) -> list[int]:
    """Per state, itself and what it reaches without a character, as far as that reads or accepts."""
    closures = [0] * len(pattern.free)
    for state in reversed(range(len(closures))):
        if pattern.moves[state] is not None or state == pattern.accept:
            closures[state] = 1 << state
        for target in pattern.free[state]:
            closures[state] |= closures[target]
    return closures


def _reads(ranges: Ranges, place: int, name: str | None) -> Iterator[tuple[Ranges, int]]:
    """What can be read of `ranges` at a place of the name, and the place after it."""
    if not any(low <= last and first <= high for low, high in ranges for first, last in _DECODED):
        return
    if name is None:
        yield ranges, place
    elif place < 0:
        yield ranges, place
        if _holds(ranges, SLASH):
            yield _SLASHES, 0
    elif place < len(name) and _holds(ranges, ord(name[place])):
        yield ((ord(name[place]), ord(name[place])),), place + 1


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)
