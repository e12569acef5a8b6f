"""The rests of many patterns on one structure, determinised only where a search comes by.

A machine is what a directory starts: all rests anchored there. Directories whose patterns end alike share a
machine, so what was found out about one serves all. States are numbers of sets of positions; 0 is the empty set.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from hauberk.policy.fragments import Label, Rest
from hauberk.policy.patterns import ANY, LAST, NOT_SLASH, SLASH, Ranges
from hauberk.policy.realpaths import plain, real_component

DEAD = 0
Part = tuple[int, int, int]
"""First and last character, and the state they lead to."""

_LOOKED_AT = 5_000
_SEPARATOR: Ranges = ((SLASH, SLASH),)


class TooManyStatesError(Exception):
    """More states than a search may look at."""


class Machines:
    """Rests by their number; positions and sets of positions of all machines."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._rests: dict[Rest, int] = {}
        self._rest_of: list[Rest] = []
        self._machines: dict[frozenset[int], int] = {}
        self._labels: list[Label | int] = []
        self._targets: list[tuple[int, ...]] = []
        self._ahead: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {frozenset(): DEAD}
        self._sets: list[frozenset[int]] = [frozenset()]
        self._wild: dict[int, int] = {DEAD: DEAD}
        self._names: dict[int, dict[str, tuple[int, ...]]] = {DEAD: {}}
        self._accepts: dict[int, tuple[int, ...]] = {DEAD: ()}
        self._after: dict[int, int] = {DEAD: DEAD}
        self._parts: dict[int, tuple[Part, ...]] = {DEAD: ()}
        self._steps: dict[tuple[int, str], int] = {}
        self._reachable: dict[int, frozenset[int]] = {DEAD: frozenset()}

    def rest(self, rest: Rest) -> int:
        """The number of a rest."""
        found = self._rests.get(rest)
        if found is None:
            found = self._rests[rest] = len(self._rest_of)
            self._rest_of.append(rest)
        return found

    def machine(self, rests: frozenset[int]) -> int:
        """The state in which the machine of these rests begins a component."""
        found = self._machines.get(rests)
        if found is None:
            found = self._machines[rests] = self._build(sorted(rests))
        return found

    def _build(self, rests: Sequence[int]) -> int:
        """Positions that are reached by the same words are one, so that equal beginnings are walked once."""
        merged: dict[tuple[Label | int, frozenset[int], bool], int] = {}
        after: dict[int, set[int]] = {}
        ahead: dict[int, set[int]] = {}
        begin: set[int] = set()
        for number in rests:
            rest = self._rest_of[number]
            before: list[set[int]] = [set() for _ in rest.states]
            for state, (_, targets) in enumerate(rest.states):
                for target in targets:
                    before[target].add(state)
            place: dict[int, int] = {}
            for state in _in_order(rest, before):
                label, targets = rest.states[state]
                own: Label | int = number if label is None else label
                entries = {place[s] for s in before[state] if s != state}
                if state in rest.starts:
                    entries.add(-1)
                key = (own, frozenset(entries), state in before[state])
                found = merged.get(key)
                if found is None:
                    found = merged[key] = len(self._labels)
                    self._labels.append(own)
                    self._targets.append(())
                    after[found], ahead[found] = set(), set()
                place[state] = found
            for state, (_, targets) in enumerate(rest.states):
                after[place[state]].update(place[target] for target in targets)
                ahead[place[state]].add(number)
            begin.update(place[state] for state in rest.starts)
        for state in sorted(after):
            self._targets[state] = tuple(sorted(after[state]))
            self._ahead.append(frozenset(ahead[state]))
        return self._number(self._entering(begin))

    def spend(self, weight: int) -> None:
        """Counts what is kept: positions in sets, moves of the classes of names."""
        self._left -= weight
        if self._left < 0:
            raise TooManyStatesError

    def _number(self, states: frozenset[int]) -> int:
        found = self._numbers.get(states)
        if found is None:
            self.spend(len(states) + 4)
            found = self._numbers[states] = len(self._sets)
            self._sets.append(states)
        return found

    def _entering(self, states: Iterable[int]) -> frozenset[int]:
        """Without what cannot begin a component: it would be an empty one."""
        return frozenset(s for s in states if self._labels[s] != _SEPARATOR and not isinstance(self._labels[s], int))

    # -- at the beginning of a component

    def wild(self, state: int) -> int:
        """What of a state reads single characters."""
        found = self._wild.get(state)
        if found is None:
            wild = frozenset(s for s in self._sets[state] if isinstance(self._labels[s], tuple))
            found = self._wild[state] = self._number(wild)
        return found

    def names(self, state: int) -> dict[str, tuple[int, ...]]:
        """The components that a state names in full, each with the positions after it."""
        found = self._names.get(state)
        if found is None:
            gathered: dict[str, set[int]] = {}
            for position in self._sets[state]:
                label = self._labels[position]
                if isinstance(label, str) and real_component(label):
                    gathered.setdefault(label, set()).update(self._targets[position])
            found = self._names[state] = {name: tuple(sorted(ends)) for name, ends in sorted(gathered.items())}
        return found

    def spelt(self, state: int) -> dict[str, tuple[frozenset[int], frozenset[int]]]:
        """For each component named in full here, the rests that end with it and those that may end after it."""
        found: dict[str, tuple[frozenset[int], frozenset[int]]] = {}
        for name, ends in self.names(state).items():
            here = frozenset(label for at in ends if isinstance(label := self._labels[at], int))
            after = (at for at in ends if not isinstance(self._labels[at], int))
            found[name] = here, frozenset[int]().union(*(self._ahead[at] for at in after))
        return found

    def read(self, state: int, name: str) -> int:
        """The state at the end of a component of this name."""
        key = (state, name)
        found = self._steps.get(key)
        if found is None:
            at = self.wild(state)
            for char in name:
                if at == DEAD:
                    break
                at = self.move(at, ord(char))
            named = self.names(state).get(name)
            found = at if named is None else self._number(self._sets[at].union(named))
            self._steps[key] = found
        return found

    # -- inside and at the end of a component

    def accepts(self, state: int) -> tuple[int, ...]:
        """The rests that end here."""
        found = self._accepts.get(state)
        if found is None:
            ends = (self._labels[s] for s in self._sets[state])
            found = self._accepts[state] = tuple(sorted(label for label in ends if isinstance(label, int)))
        return found

    def after(self, state: int) -> int:
        """The state after a slash."""
        found = self._after.get(state)
        if found is None:
            entered: set[int] = set()
            for position in self._sets[state]:
                label = self._labels[position]
                if isinstance(label, tuple) and any(low <= SLASH <= high for low, high in label):
                    entered.update(self._targets[position])
            found = self._after[state] = self._number(self._entering(entered))
        return found

    def ahead(self, state: int) -> frozenset[int]:
        """The rests that can still end."""
        found = self._reachable.get(state)
        if found is None:
            found = frozenset[int]().union(*(self._ahead[s] for s in self._sets[state]))
            self._reachable[state] = found
        return found

    def move(self, state: int, code: int) -> int:
        """The state after one character."""
        parts = self.parts(state)
        at = bisect_right(parts, (code, LAST + 1, 0)) - 1
        return parts[at][2] if at >= 0 and parts[at][0] <= code <= parts[at][1] else DEAD

    def parts(self, state: int) -> tuple[Part, ...]:
        """The moves by one character, ascending; what is left out leads nowhere."""
        found = self._parts.get(state)
        if found is None:
            found = self._parts[state] = self._divide(state)
        return found

    def _divide(self, state: int) -> tuple[Part, ...]:
        groups: dict[Ranges, set[int]] = {}
        for position in self._sets[state]:
            label = self._labels[position]
            if isinstance(label, tuple):
                groups.setdefault(label, set()).update(self._targets[position])
        everywhere: set[int] = set()
        for wide in (ANY, NOT_SLASH):
            everywhere |= groups.pop(wide, set())
        changes: dict[int, list[tuple[bool, Ranges]]] = {0: [], SLASH: [], SLASH + 1: [], LAST + 1: []}
        for label in groups:
            for low, high in label:
                changes.setdefault(low, []).append((True, label))
                changes.setdefault(high + 1, []).append((False, label))
        points = sorted(changes)
        current: dict[Ranges, None] = {}
        parts: list[Part] = []
        for low, following in pairwise(points):
            for begins, label in sorted(changes[low], key=lambda change: change[0]):
                if begins:
                    current[label] = None
                else:
                    current.pop(label, None)
            if low == SLASH:
                continue
            reached = everywhere.union(*(groups[label] for label in current))
            if reached and plain(low, following - 1) is not None:
                number = self._number(frozenset(reached))
                if parts and parts[-1][1] == low - 1 and parts[-1][2] == number:
                    parts[-1] = (parts[-1][0], following - 1, number)
                else:
                    parts.append((low, following - 1, number))
        return tuple(parts)

    # -- what made it large

    def weights(self) -> dict[int, int]:
        """For each rest the number of different sets of its positions."""
        shapes: dict[int, set[frozenset[int]]] = {}
        for states in self._sets[-_LOOKED_AT:]:
            by_rest: dict[int, list[int]] = {}
            for position in states:
                for rest in self._ahead[position]:
                    by_rest.setdefault(rest, []).append(position)
            for rest, own in by_rest.items():
                shapes.setdefault(rest, set()).add(frozenset(own))
        return {rest: len(found) for rest, found in shapes.items()}


def _in_order(rest: Rest, before: Sequence[set[int]]) -> list[int]:
    """States after those that lead to them; a pattern has no loops but of one state to itself."""
    missing = [len(entries - {state}) for state, entries in enumerate(before)]
    ready = [state for state, count in enumerate(missing) if count == 0]
    for state in ready:
        for target in rest.states[state][1]:
            if target != state:
                missing[target] -= 1
                if missing[target] == 0:
                    ready.append(target)
    return ready
