"""Sets of path patterns -> one deterministic automaton over the bytes of a path, which the kernel runs.

Three stages: positions in patterns (`positions`), states over bytes (`bytestates`), and here, equal states merged.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.enforcer.kernel.bytestates import ByteStates, Row
from hauberk.enforcer.kernel.positions import Meter, Positions, TooManyStatesError, bits
from hauberk.policy.matching import Glob

__all__ = ["MOST_STATES", "Automaton", "TooManyStatesError", "compile_globs"]

MOST_STATES = 16_384
"""The table of so many is 8 MiB."""

_BEFORE_MERGING = 4
"""Times as many states may be there before equal ones are merged."""

_U16 = 1 << 16


@dataclass(frozen=True, slots=True)
class Automaton:
    """The smallest automaton of its globs. State 0 is dead, and alone so: from any other, some glob can still match.

    States are numbered as a search from the start, by ascending bytes, comes by them: equal globs in equal order
    give equal automata, byte for byte.
    """

    start: int
    """The state before the first byte, the leading `/`: 1, or 0 when no glob matches any path."""
    rows: tuple[bytes, ...]
    """Per state, 256 next states, each a u16 in this machine's byte order: 512 bytes. Joined, they are the kernel's."""
    accepts: tuple[int, ...]
    """Per state, 0 when no glob matches a path that ends here, else 1 + the place in `sets`."""
    sets: tuple[frozenset[int], ...]
    """Indices of the globs that match; none is empty, none is there twice."""

    def run(self, path: bytes) -> frozenset[int]:
        """Indices of the globs that match; none for what does not start with `/`."""
        state = self.start
        for byte in path:
            state = memoryview(self.rows[state]).cast("H")[byte]
        accepted = self.accepts[state]
        return self.sets[accepted - 1] if accepted else frozenset()


def compile_globs(globs: Sequence[Glob], most_states: int = MOST_STATES) -> Automaton:
    """The automaton that says of each path which `globs` hit it, exactly as `Glob.hits` of the decoded path does.

    A malformed pattern matches nothing, there and here. TooManyStatesError when there are more than `most_states`,
    the dead one included, or when that cannot be known within fixed bounds of time and memory. ValueError when
    `most_states` is not in 1..65536.
    """
    if not 1 <= most_states <= _U16:
        raise ValueError(f"{most_states} is no number of states that 16 bits can name")
    meter = Meter()
    positions = Positions(globs, meter)
    states = ByteStates(positions, _BEFORE_MERGING * most_states, meter)
    classes = _merge(states, meter)
    size = len(set(classes))
    if size > most_states:
        raise TooManyStatesError(size, most_states, "states")
    return _number(states, classes, positions.ends)


def _merge(states: ByteStates, meter: Meter) -> list[int]:
    """Per state, its class: all states of a class, and no others, match the same from there on.

    Classes start as what differs by its ends, and are split until all states of a class lead to the same classes.
    Only states that lead to a class just split off are looked at again, and the largest part of a class stays what
    it was, so that no state is in what is split off more than log2(states) times.
    """
    rows = states.rows
    sources: list[list[int]] = [[] for _ in rows]
    for state, row in enumerate(rows):
        for after in row:
            sources[after].append(state)
    numbers: dict[int, int] = {}
    classes = [numbers.setdefault(ends, len(numbers)) for ends in states.ends]
    members: list[set[int]] = [set() for _ in numbers]
    for state, number in enumerate(classes):
        members[number].add(state)
    again: Sequence[int] | set[int] = range(len(rows))
    while again:
        parts: dict[int, dict[frozenset[tuple[int, int]], set[int]]] = {}
        for state in again:
            meter.spend(len(rows[state]))
            leads = frozenset(_led(rows[state], classes).items())
            parts.setdefault(classes[state], {}).setdefault(leads, set()).add(state)
        moved: list[int] = []
        for number, found in parts.items():
            rest = members[number]
            for part in found.values():
                rest -= part
            split = sorted((part for part in (rest, *found.values()) if part), key=len)
            members[number] = split.pop()
            for part in split:
                for state in part:
                    classes[state] = len(members)
                members.append(part)
                moved += part
        again = {source for state in moved for source in sources[state]}
    return classes


def _led(row: Row, classes: list[int]) -> Row:
    """The row between classes."""
    led: Row = {}
    for after, mask in row.items():
        number = classes[after]
        led[number] = led.get(number, 0) | mask
    return led


def _number(states: ByteStates, classes: list[int], globs: dict[int, int]) -> Automaton:
    dead, start = classes[0], classes[1]
    rows = dict(zip(reversed(classes), reversed(states.rows), strict=True))
    ends = dict(zip(classes, states.ends, strict=True))
    order = list(dict.fromkeys((dead, start)))
    numbers = {number: place for place, number in enumerate(order)}
    sets: dict[int, int] = {0: 0}
    accepts: list[int] = []
    packed: list[bytes] = []
    for number in order:
        row = _led(rows[number], classes)
        next_states = array("H", bytes(2 * 256))
        for after in sorted(row, key=lambda after: row[after] & -row[after]):
            if after not in numbers:
                numbers[after] = len(order)
                order.append(after)
            _fill(next_states, row[after], numbers[after])
        packed.append(next_states.tobytes())
        accepts.append(sets.setdefault(ends[number], len(sets)))
    return Automaton(
        numbers[start],
        tuple(packed),
        tuple(accepts),
        tuple(frozenset(globs[end] for end in bits(mask)) for mask in sets if mask),
    )


def _fill(next_states: array[int], mask: int, state: int) -> None:
    while mask:
        first = (mask & -mask).bit_length() - 1
        run = mask >> first
        size = (~run & (run + 1)).bit_length() - 1
        next_states[first : first + size] = array("H", [state]) * size
        mask &= ~(((1 << size) - 1) << first)
