"""Which of the names that documents spell out are worth a look at one place of a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hauberk.policy.tree import Tree
from hauberk.policy.wanted import FIRST, LAST, Level, Limit, Order, Wanted


@dataclass(frozen=True, slots=True)
class Touched:
    """The matchers that names hit, by name, and where in the lists the latest of their entries stand."""

    names: Mapping[str, Sequence[int]]
    last: Level
    loud: Level


def _touched(names: Mapping[str, Sequence[int]], order: Order | None) -> Touched:
    if order is None:
        return Touched(names, LAST, LAST)
    matchers = {m for hits in names.values() for m in hits}
    last = max((order.last[m] for m in matchers), default=FIRST)
    return Touched(names, last, max((order.loud[m] for m in matchers), default=FIRST))


class Spelling:
    """What names show, for one search; `names` are last components that matchers name."""

    def __init__(self, tree: Tree, wanted: Wanted, limit: Limit, names: Sequence[str]) -> None:
        self._tree = tree
        self._wanted = wanted
        self._limit = limit
        self._names = names
        self._touched: dict[tuple[int, int], tuple[Touched, Touched]] = {}
        self._lasts: Touched | None = None
        self._meetings: dict[tuple[tuple[int, int], bool], list[str]] = {}
        self._owned: dict[int, frozenset[int]] = {}

    def reveals(self, touched: Touched, focus: Sequence[int]) -> bool:
        """Whether a name that hits these besides shows what others hide of what is wanted."""
        order = self._wanted.order
        if order is None or self._wanted.everything:
            return True
        return any((touched.loud if order.quiet[m] else touched.last) >= order.first[m] for m in focus)

    def telling(self, one: tuple[int, int], now: Sequence[int], later: Sequence[int]) -> Iterable[str]:
        """Of the components that a machine names in full those that show more than others, or something wanted."""
        ids = self._wanted.ids
        own = self._own(one[0])
        chosen: dict[str, None] = {}
        for place, focus in enumerate((now, later)):
            touched = self._spelt(one)[place]
            if self.reveals(touched, [m for m in focus if m not in own]):
                chosen.update(dict.fromkeys(touched.names))
                continue
            chosen.update((name, None) for name, hits in touched.names.items() if not ids.isdisjoint(hits))
            if not own.isdisjoint(focus):
                chosen.update(dict.fromkeys(self._meeting(one, touched, beyond=place == 1)))
        return chosen

    def last_names(self) -> Touched:
        """What the last components hit that matchers name, wherever they stand."""
        if self._lasts is None:
            tree = self._tree
            names = {name: [*tree.names.get(name, ()), *tree.glob_names.get(name, ())] for name in self._names}
            self._lasts = _touched(names, self._wanted.order)
        return self._lasts

    def _meeting(self, one: tuple[int, int], touched: Touched, *, beyond: bool) -> list[str]:
        """Components with which a wanted pattern and one that shows more of it can hit together."""
        found = self._meetings.get((one, beyond))
        if found is None:
            found = [name for name in touched.names if self._meet(one, name, beyond=beyond)]
            self._meetings[one, beyond] = found
        return found

    def _meet(self, one: tuple[int, int], name: str, *, beyond: bool) -> bool:
        machines, own = self._tree.machines, self._tree.nodes[one[0]].rests
        end = machines.read(one[1], name)
        together = (
            self._tree.together(machines.after(end), self._limit.components) if beyond else [machines.accepts(end)]
        )
        if together is None:
            return True
        ids, order = self._wanted.ids, self._wanted.order
        for rests in together:
            hits = [m for rest in rests for m, _ in own[rest]]
            wanted = [m for m in hits if m in ids]
            if wanted and len(hits) > 1 and self.reveals(_touched({name: hits}, order), wanted):
                return True
        return False

    def _own(self, anchor: int) -> frozenset[int]:
        found = self._owned.get(anchor)
        if found is None:
            matchers = (m for own in self._tree.nodes[anchor].rests.values() for m, _ in own)
            found = self._owned[anchor] = frozenset(matchers)
        return found

    def _spelt(self, one: tuple[int, int]) -> tuple[Touched, Touched]:
        """The components that a machine names in full: what hits if the path ends there, what may if it goes on."""
        found = self._touched.get(one)
        if found is None:
            machines, own = self._tree.machines, self._tree.nodes[one[0]].rests
            ends: dict[str, list[int]] = {}
            beyond: dict[str, list[int]] = {}
            for name, (here, ahead) in machines.spelt(one[1]).items():
                for rests, places in ((here, ends), (ahead, beyond)):
                    if rests:
                        places[name] = [m for rest in rests for m, _ in own[rest]]
            found = self._touched[one] = (_touched(ends, self._wanted.order), _touched(beyond, self._wanted.order))
        return found
