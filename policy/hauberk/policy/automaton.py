"""All path matchers of one or several lists on one automaton; its product are the classes of targets.

A class is a set of matchers that some target hits, all of them and no other. The search goes through the tree of
named directories and the machines of the patterns at once, by the number of components, and determinises only
what it comes by. It is steered: whoever reads the classes says which matchers still matter, and parts of the
tree where none of them can be hit are left out. That, and not the number of classes, makes it fast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from hauberk.policy.components import Components, Effect
from hauberk.policy.machines import DEAD
from hauberk.policy.matching import SEEN_BYTES, SEEN_COMPONENTS
from hauberk.policy.oddpaths import odd_paths
from hauberk.policy.realpaths import PATH_BYTES, size_of
from hauberk.policy.spelling import Spelling
from hauberk.policy.tree import Active, Node, Tree
from hauberk.policy.wanted import Hints, Limit, TargetClass, TooManyStepsError, Wanted

_STEPS_OF_A_CLASS = 8
"""Whoever reads a class decides accesses; that takes longer than to find it."""

_Class = tuple[Effect, list[int], Active]


@dataclass(frozen=True, slots=True)
class _State:
    """A directory reached: `held` hit everything below it, `itself` the directory as a target.

    `node` is None where no matcher names it.
    """

    node: Node | None
    path: str
    depth: int
    held: tuple[int, ...]
    active: Active
    itself: tuple[int, ...] | None = None


class _Taken(Collection[str]):
    """Names in any of several places, of which no set is made."""

    __slots__ = ("_places",)

    def __init__(self, places: Sequence[Collection[str]]) -> None:
        self._places = [place for place in places if place]

    def __contains__(self, name: object) -> bool:
        return any(name in place for place in self._places)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._places)

    def __len__(self) -> int:
        return sum(map(len, self._places))


class Search:
    """One search; what machines have learnt stays with the tree for the next."""

    def __init__(self, tree: Tree, wanted: Wanted, hints: Hints, limit: Limit) -> None:
        self._tree = tree
        self._wanted = wanted
        self._hints = hints
        self._limit = limit
        self._steps = 0
        self._seen: set[tuple[int, ...]] = set()
        self._visited: set[tuple[tuple[int, ...], Active]] = set()
        self._queue: deque[_State] = deque()
        self._all_names = list(dict.fromkeys((*tree.names, *tree.glob_names)))
        self._open_names = list(self._all_names)
        self._open: dict[tuple[int, int], list[int]] = {}
        self._spelling = Spelling(tree, wanted, limit, self._all_names)
        self._classes: dict[Active, tuple[Components, list[_Class]]] = {}
        self._live = None if wanted.everything else tree.on_the_way(wanted.ids)
        self.too_long = False

    def run(self) -> Iterator[TargetClass]:
        """The classes that hit something wanted; each once."""
        tree, wanted = self._tree, self._wanted
        self._enter(tree.root, "", 0, (), ())
        while self._queue and (wanted.everything or wanted.ids):
            yield from self._visit(self._queue.popleft())
        for path in odd_paths(tree, beyond=self._limit.beyond):
            if not wanted.everything and not wanted.ids:
                return
            self._count()
            hits = tree.classify(path)
            if hits not in self._seen and wanted.any(hits):
                self._seen.add(hits)
                yield TargetClass(hits, path, tree.loose_hits(path))

    def _count(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > self._limit.steps:
            raise TooManyStepsError

    # -- one directory

    def _visit(self, state: _State) -> Iterator[TargetClass]:
        tree, wanted, node, active = self._tree, self._wanted, state.node, state.active
        near = (*node.near, *node.windowed) if node is not None else ()
        base = (*tree.always, *state.held, *near)
        broad = wanted.any(base)
        children: Mapping[str, Node] = node.children if node is not None else {}
        for name, child in children.items():
            self._count()
            ends = tree.read(active, name) if active else ()
            itself: tuple[int, ...] | None = None
            if child.plain:
                if broad or ends or wanted.any(child.here) or name in tree.names:
                    yield from self._ended(state, base, name, child.here, ends, broad=broad)
            else:
                # a file in it is the more readable target
                itself = self._hits(base, name, child.here, ends)
            self._descend(state, child, name, tree.after(ends), itself)
        spelt = [tree.machines.names(one) for _, one in active]
        broad = broad or any(map(self._is_open, active))
        every = False
        if broad or self._name_is_open():
            yield from self._others(state, base, [children, *spelt], broad=broad)
            told = not self._complete(active, _Taken([children, *spelt, tree.names, tree.glob_names]))
            now, later = self._focus(base, active)
            for one, names in zip(active, spelt, strict=True):
                if names:
                    for name in names if told else self._spelling.telling(one, now, later):
                        if name not in children:
                            self._count()
                            ends = tree.read(active, name)
                            yield from self._ended(state, base, name, (), ends, broad=broad)
                            self._descend(state, None, name, tree.after(ends))
            every = broad and (told or self._spelling.reveals(self._spelling.last_names(), now))
        for name in self._all_names if every else self._wanted_names():
            if name not in children:
                self._count()
                yield from self._ended(state, base, name, (), tree.read(active, name), broad=broad)
        if state.itself is not None and state.itself not in self._seen and wanted.any(state.itself):
            yield from self._found(state.itself, state.path, state.depth)

    def _focus(self, base: tuple[int, ...], active: Active) -> tuple[list[int], list[int]]:
        """The wanted matchers that names nobody spells out hit in this directory, and in it or below."""
        if self._wanted.everything:
            return [], []
        ids = self._wanted.ids
        now = [m for m in base if m in ids]
        now += {m for _, hits, _ in self._classes_of(active)[1] for m in hits if m in ids}
        later = list(now)
        for one in active:
            if self._is_open(one):
                later += [m for m in self._open[one] if m in ids]
        # a last component can follow whatever comes before
        later += [m for name in self._wanted_names() for m in self._tree.names.get(name, ()) if m in ids]
        return now, later

    def _complete(self, active: Active, taken: _Taken) -> bool:
        """Whether each class of names has one that nobody spells out."""
        components, _ = self._classes_of(active)
        return all(components.word(effect, taken) is not None for effect in components.classes)

    def _wanted_names(self) -> list[str]:
        """Last components that some wanted matcher names."""
        self._open_names = [name for name in self._open_names if self._wants(name)]
        return self._open_names

    def _wants(self, name: str) -> bool:
        tree = self._tree
        return self._wanted.any(tree.names.get(name, ())) or self._wanted.any(tree.glob_names.get(name, ()))

    def _name_is_open(self) -> bool:
        while self._open_names and not self._wants(self._open_names[-1]):
            self._open_names.pop()
        return bool(self._open_names)

    def _others(
        self, state: _State, base: tuple[int, ...], spelt: Sequence[Collection[str]], *, broad: bool
    ) -> Iterator[TargetClass]:
        """Names that nobody spells out, one of each class."""
        tree, active = self._tree, state.active
        components, classes = self._classes_of(active)
        spelt_out = _Taken(spelt)
        taken = _Taken([*spelt, tree.names, tree.glob_names])
        for effect, accepted, later in classes:
            self._count()
            hits = tuple(sorted((*base, *accepted)))
            if hits not in self._seen and (broad or self._wanted.any(hits)):
                word = self._word(state, components, effect, taken)
                if word is not None:
                    yield from self._found(hits, f"{state.path}/{word}", state.depth + 1)
            self._descend_by_class(state, components, effect, spelt_out, later)

    def _classes_of(self, active: Active) -> tuple[Components, list[_Class]]:
        """The classes of names: what they do, the matchers that hit if the path ends there, and the machines after."""
        found = self._classes.get(active)
        if found is not None:
            return found
        wild = [self._tree.machines.wild(one) for _, one in active]
        key = tuple(sorted({one for one in wild if one != DEAD})) or (DEAD,)
        places = [key.index(one) if one != DEAD else -1 for one in wild]
        known = self._tree.components
        components = known.get(key)
        if components is None:
            components = known[key] = Components(self._tree.machines, key, self._limit.components)
        classes: list[_Class] = []
        for effect in components.classes:
            hits: list[int] = []
            later: list[tuple[int, int]] = []
            for (anchor, _), place in zip(active, places, strict=True):
                if place >= 0:
                    rests, after = effect[place]
                    own = self._tree.nodes[anchor].rests
                    hits.extend(m for rest in rests for m, only in own[rest] if only is None)
                    if after != DEAD:
                        later.append((anchor, after))
            classes.append((effect, hits, tuple(later)))
        found = self._classes[active] = components, classes
        return found

    def _word(self, state: _State, components: Components, effect: Effect, taken: _Taken) -> str | None:
        for name in self._hints.get(state.path, ()):
            if name not in taken and components.effect_of(name) == effect:
                return name
        return components.word(effect, taken)

    def _descend_by_class(
        self, state: _State, components: Components, effect: Effect, spelt: _Taken, later: Active
    ) -> None:
        windowed = state.node.windowed if state.node is not None else ()
        if not windowed and ((state.held, later) in self._visited or not self._matters(state.held, later)):
            return
        word = components.word(effect, spelt)
        if word is None:
            return
        self._descend(state, None, word, later)
        if windowed and not self._tree.locks(state.path, word):
            size = max(self._tree.window - size_of(state.path) - 1, 1)
            for char in "xyzabcdefghijklmnopqrstuvw":
                long = char * size
                if long not in spelt:
                    ends = self._tree.read(state.active, long)
                    self._descend(state, None, long, self._tree.after(ends))
                    break

    # -- going on

    def _descend(
        self,
        state: _State,
        child: Node | None,
        name: str,
        active: Active,
        itself: tuple[int, ...] | None = None,
    ) -> None:
        node, held = state.node, state.held
        if node is not None and node.windowed and self._tree.locks(state.path, name):
            held = (*held, *node.windowed)
        self._enter(child, f"{state.path}/{name}", state.depth + 1, held, active, itself)

    def _enter(
        self,
        node: Node | None,
        path: str,
        depth: int,
        held: tuple[int, ...],
        active: Active,
        itself: tuple[int, ...] | None = None,
    ) -> None:
        if node is None or node.plain:
            node = None
            if (held, active) in self._visited or not self._matters(held, active):
                return
            self._visited.add((held, active))
        else:
            live = self._live is None or node.number in self._live or self._wanted.any(itself or ())
            if not live and not self._matters(held, active):
                return
            held = (*held, *node.deep)
            if node.start != DEAD:
                active = (*active, (node.number, node.start))
        if size_of(path) + 2 > PATH_BYTES:
            self.too_long = True
            return
        self._queue.append(_State(node, path, depth, held, active, itself))

    def _matters(self, held: tuple[int, ...], active: Active) -> bool:
        wanted = self._wanted
        return (
            wanted.any(held) or wanted.any(self._tree.always) or any(map(self._is_open, active)) or self._name_is_open()
        )

    def _is_open(self, one: tuple[int, int]) -> bool:
        """Whether a machine can still hit something wanted."""
        if self._wanted.everything:
            return True
        left = self._open.get(one)
        if left is None:
            anchor, state = one
            own = self._tree.nodes[anchor].rests
            left = [m for rest in self._tree.machines.ahead(state) for m, _ in own[rest]]
            self._open[one] = left
        ids = self._wanted.ids
        while left and left[-1] not in ids:
            left.pop()
        return bool(left)

    def _ended(
        self, state: _State, base: tuple[int, ...], name: str, here: Sequence[int], ends: Active, *, broad: bool
    ) -> Iterator[TargetClass]:
        hits = self._hits(base, name, here, ends)
        if hits not in self._seen and (broad or self._wanted.any(hits)):
            yield from self._found(hits, f"{state.path}/{name}", state.depth + 1)

    def _hits(self, base: tuple[int, ...], name: str, here: Sequence[int], ends: Active) -> tuple[int, ...]:
        tree = self._tree
        return tuple(sorted((*base, *here, *tree.accepted(ends, name), *tree.names.get(name, ()))))

    def _found(self, hits: tuple[int, ...], path: str, depth: int) -> Iterator[TargetClass]:
        tree = self._tree
        size = size_of(path)
        if size > PATH_BYTES:
            self.too_long = True
            return
        if tree.kubearmor and (depth > SEEN_COMPONENTS or size > SEEN_BYTES):
            hits = tree.classify(path)
            if hits in self._seen or not self._wanted.any(hits):
                return
        self._seen.add(hits)
        self._count(_STEPS_OF_A_CLASS)
        yield TargetClass(hits, path, tree.loose_hits(path))
