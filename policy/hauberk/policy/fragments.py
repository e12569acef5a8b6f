"""Patterns cut at their slashes: the literal directories in front, and the rest as a small automaton.

Most of a pattern names components in full. Taken as single letters these make a search dozens of times longer
and hide that two patterns end alike; so a component that stands alone between two slashes becomes one move.
"""

from __future__ import annotations

from dataclasses import dataclass

from hauberk.policy.patterns import SLASH, Automaton, Ranges
from hauberk.policy.realpaths import real_component

Label = Ranges | str | None
"""One character, one whole component, or None where the pattern ends."""

MOST_MOVES = 100_000


class TooLargeError(Exception):
    """A pattern with more moves than we look at."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a component and all that follows must be; equal for patterns that end alike."""

    starts: tuple[int, ...]
    states: tuple[tuple[Label, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """`rest` is None when the whole pattern names one path."""

    prefix: tuple[str, ...]
    rest: Rest | None


def cut_pattern(automaton: Automaton) -> Cut | None:
    """The parts of a pattern; None if it matches no path that exists."""
    labels, targets, starts = _without_free_moves(automaton)
    begin = _entered(starts, labels, targets)
    middle = {t for s, label in labels.items() if isinstance(label, tuple) and _more(label) for t in targets[s]}
    whole = {s: found for s in labels if s not in middle and (found := _component(s, labels, targets))}
    prefix: list[str] = []
    while len(begin) == 1:
        found = whole.get(next(iter(begin)))
        if found is None:
            break
        name, ends = found
        closing = [labels[end] for end in ends]
        if None in closing and len(closing) > 1:
            break
        prefix.append(name)
        if None in closing:
            return Cut(tuple(prefix), None) if all(map(real_component, prefix)) else None
        begin = _entered(ends, labels, targets)
    if not begin or not all(map(real_component, prefix)):
        return None
    for state, (name, ends) in whole.items():
        labels[state], targets[state] = name, ends
    return Cut(tuple(prefix), _numbered(begin, labels, targets))


Labels = dict[int, Label]
Targets = dict[int, tuple[int, ...]]


def _without_free_moves(automaton: Automaton) -> tuple[Labels, Targets, tuple[int, ...]]:
    """Only states that read a character or end the pattern, and from which its end can be reached."""
    free, moves, accept = automaton.free, automaton.moves, automaton.accept
    spent = 0

    def closure(state: int) -> list[int]:
        nonlocal spent
        found, waiting = {state}, [state]
        while waiting:
            for after in free[waiting.pop()]:
                if after not in found:
                    found.add(after)
                    waiting.append(after)
        spent += len(found)
        if spent > MOST_MOVES:
            raise TooLargeError
        return sorted(s for s in found if moves[s] is not None or s == accept)

    starts = closure(0)
    targets: dict[int, list[int]] = {}
    waiting = list(starts)
    while waiting:
        state = waiting.pop()
        if state in targets:
            continue
        move = moves[state]
        targets[state] = [] if move is None else closure(move[1])
        waiting.extend(targets[state])
    before: dict[int, list[int]] = {}
    for state, afters in targets.items():
        for after in afters:
            before.setdefault(after, []).append(state)
    alive: set[int] = set()
    waiting = [accept] if accept in targets else []
    while waiting:
        state = waiting.pop()
        if state not in alive:
            alive.add(state)
            waiting.extend(before.get(state, ()))
    labels: Labels = {}
    for state in alive:
        move = moves[state]
        labels[state] = None if move is None else move[0]
    kept = {s: tuple(t for t in targets[s] if t in alive) for s in alive}
    return labels, kept, tuple(s for s in starts if s in alive)


def _entered(states: tuple[int, ...] | frozenset[int], labels: Labels, targets: Targets) -> frozenset[int]:
    """States after a slash that can begin a component."""
    found: set[int] = set()
    for state in states:
        label = labels[state]
        if isinstance(label, tuple) and any(low <= SLASH <= high for low, high in label):
            found.update(targets[state])
    return frozenset(s for s in found if (label := labels[s]) is not None and _more(label))


def _more(label: Ranges | str) -> bool:
    """Whether a component can go on with it."""
    return label != ((SLASH, SLASH),)


def _component(state: int, labels: Labels, targets: Targets) -> tuple[str, tuple[int, ...]] | None:
    """The name that is spelt from here to the end of a component, and the states after it."""
    name: list[str] = []
    while True:
        label = labels[state]
        if not isinstance(label, tuple) or len(label) != 1 or label[0][0] != label[0][1] or not _more(label):
            return None
        name.append(chr(label[0][0]))
        ends = targets[state]
        if all(labels[end] in (None, ((SLASH, SLASH),)) for end in ends):
            return "".join(name), ends
        if len(ends) != 1:
            return None
        state = ends[0]


def _numbered(begin: frozenset[int], labels: Labels, targets: Targets) -> Rest:
    """With numbers that depend on nothing but the shape."""
    number = {state: index for index, state in enumerate(sorted(begin))}
    order = list(number)
    for state in order:
        for after in targets[state]:
            if after not in number:
                number[after] = len(order)
                order.append(after)
    states = tuple((labels[s], tuple(number[t] for t in targets[s])) for s in order)
    return Rest(tuple(range(len(begin))), states)
