"""All path matchers in one tree of directories, each at the place from which it matters.

A matcher belongs to the model that reads it: hauberk's look at the path, kubearmor's at what its programs see of
it. As long as a path is within kubearmor's bounds these are the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from hauberk.policy.components import Components
from hauberk.policy.fragments import Cut, TooLargeError, cut_pattern
from hauberk.policy.machines import DEAD, Machines
from hauberk.policy.matching import (
    SEEN_BYTES,
    Anything,
    Below,
    Exact,
    Glob,
    InMemory,
    Named,
    OtherProcess,
    Pathless,
    Target,
    cut,
    seen,
    subject_of,
)
from hauberk.policy.model import Access, Model
from hauberk.policy.patterns import ANY, SLASH, Builder, recognizer
from hauberk.policy.realpaths import real_component, real_path, size_of

View = tuple[Model, Target]
Active = tuple[tuple[int, int], ...]
"""Machines under way: the number of the directory that started each, and its state."""

PATHLESS = "memfd:x"
_MOST_TOGETHER = 2_000
_DIGITS = ((ord("0"), ord("9")),)
_SHARED_MEMORY = (("dev", "shm"), ("run", "shm"))


class Node:
    """A directory or file that a matcher names; lists are numbers of matchers.

    `here` hit the path itself, `near` its children, `deep` all below it. `windowed` hit children, and what is
    deeper if the child's name is so long that kubearmor does not see its end; `window` is where it stops looking.
    `parent` is a number: trees that know no way round are gone when they are done with.
    """

    __slots__ = ("children", "deep", "here", "near", "number", "parent", "path", "rests", "start", "windowed")

    def __init__(self, path: str, number: int, parent: int) -> None:
        self.path = path
        self.number = number
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.here: list[int] = []
        self.near: list[int] = []
        self.deep: list[int] = []
        self.windowed: list[int] = []
        self.rests: dict[int, list[tuple[int, str | None]]] = {}
        self.start = DEAD

    @property
    def plain(self) -> bool:
        """Whether nothing but the path itself matters: below it, it is like any other name."""
        return not (self.children or self.near or self.deep or self.windowed or self.rests)


class Tree:
    """`loose` matchers are not in it: their patterns are too large, and are tried on single paths only."""

    def __init__(self, views: Sequence[View], loose: Collection[int], most: int) -> None:
        self.views = views
        self.machines = Machines(most)
        self.components: dict[tuple[int, ...], Components] = {}
        self._next: dict[int, list[tuple[set[tuple[int, ...]], int]]] = {}
        self._together: dict[int, frozenset[tuple[int, ...]] | None] = {}
        self.nodes: list[Node] = []
        self.homes: dict[int, list[Node]] = {}
        self.root = self._node("", -1)
        self.always: list[int] = []
        self.pathless: list[int] = []
        self.names: dict[str, list[int]] = {}
        self.glob_names: dict[str, list[int]] = {}
        self.cut_keys: dict[str, list[int]] = {}
        self.loose: dict[int, str] = {}
        self.window = 0
        self.kubearmor = any(model is Model.KUBEARMOR for model, _ in views)
        self._uncut = frozenset(
            number
            for number, (model, target) in enumerate(views)
            if model is Model.HAUBERK or isinstance(target, InMemory | OtherProcess)
        )
        for number, (model, target) in enumerate(views):
            if number in loose and isinstance(target, Glob):
                self.loose[number] = target.pattern
            else:
                self._place(number, model, target)
        for node in self.nodes:
            if node.rests:
                node.start = self.machines.machine(frozenset(node.rests))

    def _node(self, path: str, parent: int) -> Node:
        node = Node(path, len(self.nodes), parent)
        self.nodes.append(node)
        return node

    def _home(self, number: int, names: Sequence[str]) -> Node:
        """The node of a path, which matters to a matcher."""
        node = self._at(names)
        self.homes.setdefault(number, []).append(node)
        return node

    def _at(self, names: Sequence[str]) -> Node:
        node = self.root
        for name in names:
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = self._node(f"{node.path}/{name}", node.number)
            node = child
        return node

    def _place(self, number: int, model: Model, target: Target) -> None:
        match target:
            case Anything():
                self.always.append(number)
            case Pathless(root=root):
                self.pathless.append(number)
                if root:
                    self.root.here.append(number)
            case Exact(path=path):
                if real_path(path):
                    self._home(number, _names(path)).here.append(number)
                if model is Model.KUBEARMOR and size_of(path) == SEEN_BYTES:
                    self.cut_keys.setdefault(path, []).append(number)
            case Named(name=name):
                if real_component(name):
                    self.names.setdefault(name, []).append(number)
            case Below():
                self._place_directory(number, target)
            case InMemory():
                self.pathless.append(number)
                for names in _SHARED_MEMORY:
                    self._home(number, names).deep.append(number)
            case Glob(pattern=pattern, name=name):
                recognized = recognizer(pattern)
                if name is None and recognized is not None and recognized.accepts("/"):
                    self.root.here.append(number)
                try:
                    found = _cut_glob(pattern)
                except TooLargeError:
                    self.loose[number] = pattern
                    return
                if found is not None and (name is None or real_component(name)):
                    self._place_pattern(number, found, name)
            case OtherProcess(whole=whole):
                found = _cut_process(whole=whole)
                if found is not None:
                    self._place_pattern(number, found, None)
            case _:
                pass

    def _place_directory(self, number: int, target: Below) -> None:
        directory = target.dir
        itself = directory[:-1] or "/"
        if target.itself and real_path(itself):
            self._home(number, _names(itself)).here.append(number)
        names = directory[1:-1].split("/") if directory != "/" else []
        if not all(map(real_component, names)):
            return
        node = self._home(number, names)
        if target.deep:
            node.deep.append(number)
        elif target.window is None:
            node.near.append(number)
        else:
            self.window = target.window
            node.windowed.append(number)

    def _place_pattern(self, number: int, found: Cut, name: str | None) -> None:
        if found.rest is None:
            if name is None or found.prefix[-1] == name:
                self._home(number, found.prefix).here.append(number)
            return
        if name is not None:
            self.glob_names.setdefault(name, []).append(number)
        rest = self.machines.rest(found.rest)
        self._home(number, found.prefix).rests.setdefault(rest, []).append((number, name))

    def on_the_way(self, numbers: Iterable[int]) -> set[int]:
        """The nodes where these matchers begin to matter, and those above them."""
        found: set[int] = set()
        for number in numbers:
            for home in self.homes.get(number, ()):
                node = home.number
                while node >= 0 and node not in found:
                    found.add(node)
                    node = self.nodes[node].parent
        return found

    # -- reading a path

    def locks(self, directory: str, name: str) -> bool:
        """Whether a child's name is so long that its end is outside the window."""
        return size_of(directory) + 1 + size_of(name) >= self.window

    def read(self, active: Active, name: str) -> Active:
        """The machines at the end of a component."""
        return tuple((anchor, self.machines.read(state, name)) for anchor, state in active)

    def accepted(self, ends: Active, name: str) -> list[int]:
        """The matchers that hit if the path ends here."""
        hits: list[int] = []
        for anchor, state in ends:
            for rest in self.machines.accepts(state):
                hits.extend(m for m, only in self.nodes[anchor].rests[rest] if only is None or only == name)
        return hits

    def after(self, ends: Active) -> Active:
        """The machines after a slash."""
        moved = ((anchor, self.machines.after(state)) for anchor, state in ends)
        return tuple((anchor, state) for anchor, state in moved if state != DEAD)

    def together(self, state: int, most: int) -> frozenset[tuple[int, ...]] | None:
        """The sets of rests of one machine that can end together from here on; None if there are too many."""
        if state not in self._together:
            self._together[state] = self._ending_together(state, most)
        return self._together[state]

    def _ending_together(self, state: int, most: int) -> frozenset[tuple[int, ...]] | None:
        found: set[tuple[int, ...]] = set()
        reached = {state}
        queue = [state]
        for one in queue:
            if one == DEAD:
                continue
            for ends, after in self._steps_of(one, most):
                found.update(ends)
                if after not in reached:
                    reached.add(after)
                    queue.append(after)
            if len(queue) > _MOST_TOGETHER:
                return None
        return frozenset(found)

    def _steps_of(self, state: int, most: int) -> list[tuple[set[tuple[int, ...]], int]]:
        """What can end with the next component, and the states after it."""
        steps = self._next.get(state)
        if steps is None:
            machines = self.machines
            by_state: dict[int, set[tuple[int, ...]]] = {}
            for name in machines.names(state):
                end = machines.read(state, name)
                by_state.setdefault(machines.after(end), set()).add(machines.accepts(end))
            key = (machines.wild(state),)
            components = self.components.get(key)
            if components is None:
                components = self.components[key] = Components(machines, key, most)
            for ((accepted, after),) in components.classes:
                by_state.setdefault(after, set()).add(accepted)
            steps = self._next[state] = [(ends, after) for after, ends in by_state.items()]
        return steps

    def classify(self, path: str) -> tuple[int, ...]:
        """Every matcher, apart from loose ones, that hits a target."""
        if not path.startswith("/"):
            return tuple(sorted((*self.always, *self.pathless)))
        hits = self._walk(path)
        name = path[path.rfind("/") + 1 :]
        named = self.names.get(name, ())
        if self.kubearmor and (text := seen(path)) != path:
            hits = [m for m in hits if m in self._uncut]
            hits.extend(m for m in self._walk(text) if m not in self._uncut)
            if size_of(text) == SEEN_BYTES:
                hits.extend(m for m in self.cut_keys.get(text, ()) if m not in hits)
            short = cut(name, SEEN_BYTES)
            if short != name:
                named = [m for m in named if m in self._uncut]
                named.extend(m for m in self.names.get(short, ()) if m not in self._uncut)
        return tuple(sorted((*hits, *named)))

    def _walk(self, text: str) -> list[int]:
        hits = list(self.always)
        if text == "/":
            return [*hits, *self.root.here]
        names = text[1:].split("/")
        node: Node | None = self.root
        active: Active = ()
        directory = ""
        for index, name in enumerate(names):
            last = index == len(names) - 1
            if node is not None:
                hits.extend(node.deep)
                if last:
                    hits.extend(node.near)
                if last or (node.windowed and self.locks(directory, name)):
                    hits.extend(node.windowed)
                if node.start != DEAD:
                    active = (*active, (node.number, node.start))
                node = node.children.get(name)
            ends = self.read(active, name)
            if last:
                hits.extend(self.accepted(ends, name))
            active = self.after(ends)
            directory = f"{directory}/{name}"
        if node is not None:
            hits.extend(node.here)
        return hits

    def loose_hits(self, path: str) -> tuple[int, ...]:
        """Loose matchers that hit a path."""
        if not self.loose:
            return ()
        subjects = {model: subject_of(model, Access("read", path)) for model in Model}
        return tuple(m for m in self.loose if self.views[m][1].hits(subjects[self.views[m][0]]))


def _names(path: str) -> list[str]:
    return [] if path == "/" else path[1:].split("/")


_LITERAL = re.compile(r"(?:/[A-Za-z0-9_+@~-][A-Za-z0-9._+@~-]*)+(?=/)")


def _cut_glob(pattern: str) -> Cut | None:
    """The parts of a pattern; the ends of patterns are few, whatever directories stand before them."""
    literal = _LITERAL.match(pattern)
    if literal is None:
        return _cut_end(pattern)
    prefix = literal.group().split("/")[1:]
    end = _cut_end(pattern[literal.end() :]) if all(map(real_component, prefix)) else None
    return None if end is None else Cut((*prefix, *end.prefix), end.rest)


@lru_cache(maxsize=4096)
def _cut_end(pattern: str) -> Cut | None:
    found = recognizer(pattern)
    return None if found is None else cut_pattern(found.automaton)


@lru_cache
def _cut_process(*, whole: bool) -> Cut | None:
    """`/proc/<pid>/environ`, or anything below `/proc/<pid>/`."""
    builder = Builder()
    for char in "/proc/":
        builder.one(((ord(char), ord(char)),))
    builder.one(_DIGITS)
    builder.run(_DIGITS)
    builder.one(((SLASH, SLASH),))
    if whole:
        builder.one(ANY)
        builder.run(ANY)
    else:
        for char in "environ":
            builder.one(((ord(char), ord(char)),))
    return cut_pattern(builder.finish())
