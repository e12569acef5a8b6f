"""Patterns of the semantics (4.2) -> non-deterministic automata, and a matcher whose time does not explode.

Python's `re` backtracks: `*a*a*a*a*b` against a long name of a's would hang a lint run, and patterns come
from whoever opens a pull request. Here every character of a subject costs at most one step over the states of
the automaton, whose number is the length of the pattern; steps once taken are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]
"""Inclusive code point ranges, ascending and disjoint."""

LAST = 0x10FFFF
SLASH = ord("/")
ANY: Ranges = ((0, LAST),)
NOT_SLASH: Ranges = ((0, SLASH - 1), (SLASH + 1, LAST))


@dataclass(frozen=True, slots=True)
class Automaton:
    """States are numbered; 0 starts. `free[s]` are moves without a character, `moves[s]` the one with."""

    free: tuple[tuple[int, ...], ...]
    moves: tuple[tuple[Ranges, int] | None, ...]
    accept: int


class Builder:
    """Grows an automaton from left to right; `here` is the state reached so far."""

    __slots__ = ("_free", "_moves", "here")

    def __init__(self) -> None:
        self._free: list[list[int]] = [[]]
        self._moves: list[tuple[Ranges, int] | None] = [None]
        self.here = 0

    def state(self) -> int:
        self._free.append([])
        self._moves.append(None)
        return len(self._free) - 1

    def jump(self, source: int, target: int) -> None:
        self._free[source].append(target)

    def one(self, ranges: Ranges) -> None:
        """One character of `ranges`."""
        source = self.here
        if self._moves[source] is not None:
            source = self.state()
            self.jump(self.here, source)
        self.here = self.state()
        self._moves[source] = (ranges, self.here)

    def run(self, ranges: Ranges) -> None:
        """Any number of characters of `ranges`, none included."""
        loop = self.state()
        self.jump(self.here, loop)
        self._moves[loop] = (ranges, loop)
        self.here = self.state()
        self.jump(loop, self.here)

    def finish(self) -> Automaton:
        return Automaton(tuple(tuple(targets) for targets in self._free), tuple(self._moves), self.here)


def parse_pattern(pattern: str) -> Automaton | None:
    """The automaton of a pattern, None when it is malformed."""
    builder = Builder()
    braces: list[tuple[int, list[int]]] = []
    size = len(pattern)
    at = 0
    starts_component = True
    while at < size:
        char = pattern[at]
        at += 1
        after_boundary, starts_component = starts_component, False
        match char:
            case "*":
                stars = 1
                while at < size and pattern[at] == "*":
                    stars += 1
                    at += 1
                ranges = ANY if stars > 1 else NOT_SLASH
                if after_boundary and _ends_component(pattern, at):
                    builder.one(ranges)
                builder.run(ranges)
            case "?":
                builder.one(NOT_SLASH)
            case "[":
                parsed = parse_set(pattern, at)
                if parsed is None:
                    return None
                ranges, at = parsed
                builder.one(without_slash(ranges))
            case "{":
                braces.append((builder.here, []))
                _branch(builder, builder.here)
            case "," if braces:
                start, ends = braces[-1]
                ends.append(builder.here)
                _branch(builder, start)
            case "}":
                if not braces:
                    return None
                _, ends = braces.pop()
                ends.append(builder.here)
                builder.here = builder.state()
                for end in ends:
                    builder.jump(end, builder.here)
            case "\\" if at == size:
                return None
            case _:
                if char == "\\":
                    char = pattern[at]
                    at += 1
                starts_component = char == "/"
                builder.one(((ord(char), ord(char)),))
    return None if braces else builder.finish()


def _branch(builder: Builder, start: int) -> None:
    builder.here = builder.state()
    builder.jump(start, builder.here)


def _ends_component(pattern: str, at: int) -> bool:
    return at == len(pattern) or pattern[at] == "/" or pattern.startswith("\\/", at)


def parse_set(pattern: str, at: int) -> tuple[Ranges, int] | None:
    """The set whose `[` stands before `at` and the place after its `]`; None when malformed."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[int, int]] = []
    first = True
    while at < len(pattern):
        char = pattern[at]
        if char == "]" and not first:
            merged = merge(ranges)
            return (complement(merged) if negated else merged), at + 1
        first = False
        if pattern.startswith("-", at + 1) and at + 2 < len(pattern) and pattern[at + 2] != "]":
            low, high = ord(char), ord(pattern[at + 2])
            if low > high:
                return None
            at += 3
        else:
            low = high = ord(char)
            at += 1
        ranges.append((low, high))
    return None


def merge(ranges: list[tuple[int, int]]) -> Ranges:
    """The same characters as ascending, disjoint ranges."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def without_slash(ranges: Ranges) -> Ranges:
    return complement(merge([*complement(ranges), (SLASH, SLASH)]))


# States kept over all remembered steps: what one hostile pattern can make us hold.
_REMEMBERED = 20_000


@dataclass(slots=True)
class Recognizer:
    """Says whether an automaton accepts a subject; remembers the sets of states it has seen."""

    automaton: Automaton
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(
        default_factory=dict[tuple[frozenset[int], str], frozenset[int]]
    )
    _start: frozenset[int] | None = None
    _held: int = 0

    def accepts(self, subject: str) -> bool:
        if self._start is None:
            self._start = self._closure([0])
        states = self._start
        steps = self._steps
        for char in subject:
            after = steps.get((states, char))
            if after is None:
                after = self._step(states, char)
            if not after:
                return False
            states = after
        return self.automaton.accept in states

    def begins(self, prefix: str) -> bool:
        """Whether it may accept something that begins so; never False if it does."""
        states = self._start if self._start is not None else self._closure([0])
        for char in prefix:
            states = self._steps.get((states, char)) or self._step(states, char)
            if not states:
                return False
        return True

    def _step(self, states: frozenset[int], char: str) -> frozenset[int]:
        code = ord(char)
        moves = self.automaton.moves
        reached: list[int] = []
        for state in states:
            move = moves[state]
            if move is not None and any(low <= code <= high for low, high in move[0]):
                reached.append(move[1])
        after = self._closure(reached)
        self._held += len(states) + len(after) + 1
        if self._held > _REMEMBERED:
            self._steps.clear()
            self._held = 0
        self._steps[states, char] = after
        return after

    def _closure(self, states: list[int]) -> frozenset[int]:
        free = self.automaton.free
        seen = set(states)
        waiting = list(seen)
        while waiting:
            for state in free[waiting.pop()]:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return frozenset(seen)


@lru_cache(maxsize=4096)
def recognizer(pattern: str) -> Recognizer | None:
    """The matcher of a pattern, None when the pattern is malformed."""
    automaton = parse_pattern(pattern)
    return None if automaton is None else Recognizer(automaton)
