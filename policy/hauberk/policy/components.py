"""The classes of single components: which names are alike to the machines of a directory, and a name of each."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush
from itertools import pairwise

from hauberk.policy.machines import DEAD, Machines, TooManyStatesError
from hauberk.policy.patterns import LAST, SLASH
from hauberk.policy.realpaths import COMPONENT_BYTES, allowed, liking, plain, real_component, size_of

Outcome = tuple[int, ...]
"""For each machine a state at the end of a component; equal outcomes of one class may differ in it."""

Effect = tuple[tuple[tuple[int, ...], int], ...]
"""For each machine the rests that end and the state after a slash: what makes two names alike."""

_WORDS = 4


class Components:
    """All classes for one tuple of states that begin a component; explored at once, up to `most` states."""

    __slots__ = ("_edges", "_machines", "_near", "_states", "_words", "classes")

    def __init__(self, machines: Machines, begin: tuple[int, ...], most: int) -> None:
        self._machines = machines
        self._states: list[Outcome] = [begin]
        self._edges: list[list[tuple[int, int, int]]] = []
        self._words: dict[Effect, list[str]] = {}
        self._near: dict[Effect, dict[int, str]] = {}
        self.classes: dict[Effect, list[int]] = {}
        self._explore(most)

    def _explore(self, most: int) -> None:
        numbers = {self._states[0]: 0}
        words: dict[int, str] = {0: ""}
        heap = [(0, 0)]
        self._edges.append([])
        done: set[int] = set()
        while heap:
            size, state = heappop(heap)
            if state in done:
                continue
            done.add(state)
            word = words[state]
            if not word:
                # a name has a character, so the start counts only where a loop comes back to it
                del words[state]
            moves = self._moves(self._states[state])
            self._machines.spend(len(moves) + 4)
            for low, high, target in moves:
                number = numbers.get(target)
                if number is None:
                    if len(self._states) >= most:
                        raise TooManyStatesError
                    number = numbers[target] = len(self._states)
                    self._states.append(target)
                    self._edges.append([])
                self._edges[state].append((low, high, number))
                char = plain(low, high) or ""
                longer = size + size_of(char)
                if longer <= COMPONENT_BYTES and (number not in words or longer < size_of(words[number])):
                    words[number] = word + char
                    heappush(heap, (longer, number))
        for state in sorted(words, key=lambda s: (size_of(words[s]), s)):
            effect = self.effect(self._states[state])
            self.classes.setdefault(effect, []).append(state)
            best = self._words.setdefault(effect, [])
            if len(best) < _WORDS and real_component(words[state]):
                best.append(words[state])

    def effect(self, outcome: Outcome) -> Effect:
        machines = self._machines
        return tuple((machines.accepts(state), machines.after(state)) for state in outcome)

    def effect_of(self, name: str) -> Effect:
        """What a name does, read from the start."""
        at = self._states[0]
        for char in name:
            at = tuple(self._machines.move(state, ord(char)) for state in at)
        return self.effect(at)

    def _moves(self, state: Outcome) -> list[tuple[int, int, Outcome]]:
        if not any(state):
            return [(SLASH + 1, LAST, state), (0, SLASH - 1, state)]
        each = [self._machines.parts(one) for one in state]
        points = {0, SLASH, SLASH + 1, LAST + 1}
        for parts in each:
            for low, high, _ in parts:
                points.add(low)
                points.add(high + 1)
        ordered = sorted(points)
        at = [0] * len(each)
        moves: list[tuple[int, int, Outcome]] = []
        for low, following in pairwise(ordered):
            if low == SLASH or plain(low, following - 1) is None:
                continue
            target: list[int] = []
            for index, parts in enumerate(each):
                while at[index] < len(parts) and parts[at[index]][1] < low:
                    at[index] += 1
                inside = at[index] < len(parts) and parts[at[index]][0] <= low
                target.append(parts[at[index]][2] if inside else DEAD)
            moves.append((low, following - 1, tuple(target)))
        moves.sort(key=lambda move: liking(move[0], move[1]))
        return moves

    def word(self, effect: Effect, taken: Collection[str]) -> str | None:
        """A name of the class that is not among `taken`, a short one; None if there is no other."""
        for word in self._words.get(effect, ()):
            if word not in taken:
                return word
        found = self._beside({*taken, ".", ".."}, effect)
        return found if found is not None and real_component(found) else None

    def _beside(self, taken: set[str], effect: Effect) -> str | None:
        """The shortest word of a class outside a finite set: it leaves the tree of that set at some place."""
        near = self._distances(effect)
        tree: dict[str, set[str]] = {"": set()}
        for word in taken:
            for size, char in enumerate(word):
                tree.setdefault(word[:size], set()).add(char)
            tree.setdefault(word, set())
        heap: list[tuple[int, int, str, int]] = [(0, 0, "", 0)]
        while heap:
            size, _, word, state = heappop(heap)
            if state < 0:
                return word
            if word and near.get(state) == "" and word not in taken:
                return word
            inside = tree[word]
            for low, high, target in self._edges[state]:
                if target not in near:
                    continue
                for char in sorted(inside):
                    if low <= ord(char) <= high:
                        heappush(heap, (size + 1, 0, word + char, target))
                outside = next((char for char in allowed(low, high) if char not in inside), None)
                if outside is not None:
                    whole = word + outside + near[target]
                    heappush(heap, (size_of(whole), liking(ord(outside), ord(outside)), whole, -1))
        return None

    def _distances(self, effect: Effect) -> dict[int, str]:
        """From each state the shortest way to the class."""
        found = self._near.get(effect)
        if found is None:
            back: dict[int, list[tuple[int, str]]] = {}
            for state, edges in enumerate(self._edges):
                for low, high, target in edges:
                    back.setdefault(target, []).append((state, plain(low, high) or ""))
            found = {state: "" for state in range(len(self._states)) if self._ends(state, effect)}
            queue = list(found)
            for state in queue:
                for source, char in back.get(state, ()):
                    if source not in found:
                        found[source] = char + found[state]
                        queue.append(source)
            self._near[effect] = found
        return found

    def _ends(self, state: int, effect: Effect) -> bool:
        return self.effect(self._states[state]) == effect
