"""All path matchers of one or several lists on one automaton; its product are the classes of targets.

A class is a set of matchers that some target hits, all of them and no other. The search goes through the tree of
named directories and the machines of the patterns at once, by the number of components, and determinises only
what it comes by. It is steered: whoever reads the classes says which matchers still matter, and parts of the
tree where none of them can be hit are left out. That, and not the number of classes, makes it fast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from hauberk.policy.components import Components, Effect
from hauberk.policy.machines import DEAD
from hauberk.policy.matching import SEEN_BYTES, SEEN_COMPONENTS, InMemory, OtherProcess, octets, seen
from hauberk.policy.model import Model
from hauberk.policy.realpaths import PATH_BYTES, real_path, size_of
from hauberk.policy.tree import PATHLESS, Active, Node, Tree


@dataclass(frozen=True, slots=True)
class Limit:
    """What patterns may take up, states for the names of one directory, steps of one search, and searches.

    Each is some seconds or some hundred MiB at most; what is larger is given up and named. `beyond`: whether to ask
    about paths beyond the bounds of kubearmor's programs.
    """

    weight: int = 1_500_000
    components: int = 20_000
    steps: int = 1_200_000
    attempts: int = 5
    beyond: bool = True


_STEPS_OF_A_CLASS = 8
"""Whoever reads a class decides accesses; that takes longer than to find it."""


class TooManyStepsError(Exception):
    """More classes than a search may look at."""


@dataclass(frozen=True, slots=True)
class TargetClass:
    """The matchers hit, by number, and the plainest target that hits them; `loose` ones are known of it alone."""

    hits: tuple[int, ...]
    target: str = ""
    loose: tuple[int, ...] = ()
    type: str = ""
    protocol: int = 0


Level = tuple[int, int, int]
"""Place among the entries of a list, the lower the earlier; comparable whatever the list."""

FIRST: Level = (-9, 0, 0)
LAST: Level = (9, 0, 0)


@dataclass(frozen=True, slots=True)
class Order:
    """By matcher: where entries stand in the lists.

    A name that hits one matcher more only hides what stands below it. So where other names do not hit it, and it
    stands above all that is wanted, or says the same, such a name need not be tried. `first` is of the entries that
    are asked about, which are `quiet` if all pass without a report; `last` of all entries, `loud` of those that do
    something else.
    """

    first: Sequence[Level]
    quiet: Sequence[bool]
    last: Sequence[Level]
    loud: Sequence[Level]


class Wanted:
    """The matchers whose classes are looked for; readers take out what they are done with."""

    __slots__ = ("everything", "ids", "order")

    def __init__(self, ids: Iterable[int] = (), *, everything: bool = False, order: Order | None = None) -> None:
        self.ids = set(ids)
        self.everything = everything
        self.order = order

    def any(self, hits: Iterable[int]) -> bool:
        return self.everything or not self.ids.isdisjoint(hits)


_Class = tuple[Effect, list[int], Active]
Hints = Mapping[str, Sequence[str]]
"""Names that occur in documents, by their directory (`""` is the root)."""


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


@dataclass(frozen=True, slots=True)
class _Touched:
    """The matchers that names hit, by name, and where in the lists the latest of their entries stand."""

    names: Mapping[str, Sequence[int]]
    last: Level
    loud: Level


def _touched(names: Mapping[str, Sequence[int]], order: Order | None) -> _Touched:
    if order is None:
        return _Touched(names, LAST, LAST)
    matchers = {m for hits in names.values() for m in hits}
    last = max((order.last[m] for m in matchers), default=FIRST)
    return _Touched(names, last, max((order.loud[m] for m in matchers), default=FIRST))


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
        self._touched: dict[tuple[int, int], tuple[_Touched, _Touched]] = {}
        self._lasts: _Touched | None = None
        self._meetings: dict[tuple[tuple[int, int], bool], list[str]] = {}
        self._owned: dict[int, frozenset[int]] = {}
        self._classes: dict[Active, tuple[Components, list[_Class]]] = {}
        self._live = None if wanted.everything else tree.on_the_way(wanted.ids)
        self.too_long = False

    def run(self) -> Iterator[TargetClass]:
        """The classes that hit something wanted; each once."""
        tree, wanted = self._tree, self._wanted
        self._enter(tree.root, "", 0, (), ())
        while self._queue and (wanted.everything or wanted.ids):
            yield from self._visit(self._queue.popleft())
        for path in self._odd_paths():
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
                    for name in names if told else self._telling(one, now, later):
                        if name not in children:
                            self._count()
                            ends = tree.read(active, name)
                            yield from self._ended(state, base, name, (), ends, broad=broad)
                            self._descend(state, None, name, tree.after(ends))
            every = broad and (told or self._reveals(self._last_names(), now))
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

    def _reveals(self, touched: _Touched, focus: Sequence[int]) -> bool:
        """Whether a name that hits these besides shows what others hide of what is wanted."""
        order = self._wanted.order
        if order is None or self._wanted.everything:
            return True
        return any((touched.loud if order.quiet[m] else touched.last) >= order.first[m] for m in focus)

    def _telling(self, one: tuple[int, int], now: Sequence[int], later: Sequence[int]) -> Iterable[str]:
        """Of the components that a machine names in full those that show more than others, or something wanted."""
        ids = self._wanted.ids
        own = self._own(one[0])
        chosen: dict[str, None] = {}
        for place, focus in enumerate((now, later)):
            touched = self._spelt(one)[place]
            if self._reveals(touched, [m for m in focus if m not in own]):
                chosen.update(dict.fromkeys(touched.names))
                continue
            chosen.update((name, None) for name, hits in touched.names.items() if not ids.isdisjoint(hits))
            if not own.isdisjoint(focus):
                chosen.update(dict.fromkeys(self._meeting(one, touched, beyond=place == 1)))
        return chosen

    def _meeting(self, one: tuple[int, int], touched: _Touched, *, beyond: bool) -> list[str]:
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
            if wanted and len(hits) > 1 and self._reveals(_touched({name: hits}, order), wanted):
                return True
        return False

    def _own(self, anchor: int) -> frozenset[int]:
        found = self._owned.get(anchor)
        if found is None:
            matchers = (m for own in self._tree.nodes[anchor].rests.values() for m, _ in own)
            found = self._owned[anchor] = frozenset(matchers)
        return found

    def _spelt(self, one: tuple[int, int]) -> tuple[_Touched, _Touched]:
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

    def _last_names(self) -> _Touched:
        if self._lasts is None:
            tree = self._tree
            names = {name: [*tree.names.get(name, ()), *tree.glob_names.get(name, ())] for name in self._all_names}
            self._lasts = _touched(names, self._wanted.order)
        return self._lasts

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

    # -- what the models see otherwise

    def _odd_paths(self) -> Iterator[str]:
        """The root, what has no path, and paths beyond the bounds of kubearmor's programs."""
        tree = self._tree
        yield "/"
        yield PATHLESS
        if not self._limit.beyond:
            return
        for key in tree.cut_keys:
            yield from self._cut_to(key)
        models = {model for model, _ in tree.views}
        if models == {Model.KUBEARMOR, Model.HAUBERK}:
            yield from (f"{node.path}{'/x' * (SEEN_COMPONENTS + 1)}" for node in tree.nodes if node.deep)
        if any(
            model is Model.KUBEARMOR and isinstance(target, InMemory | OtherProcess) for model, target in tree.views
        ):
            # These see the whole path, the others its last components only: any end can follow any beginning.
            for end in self._full_ends():
                for begin in ("/dev/shm", "/proc/1", "/x"):  # noqa: S108  no file is made
                    yield begin + end

    def _cut_to(self, key: str) -> Iterator[str]:
        """Longer paths of which kubearmor sees `key`."""
        last = key[key.rfind("/") + 1 :]
        raw = octets(key)
        stems = (raw, raw + b"\x80", raw + b"\x80\x80", raw + b"\x80\x80\x80")
        ends = ["", "x", "/x"]
        for name in self._tree.names:
            ends.append(f"/{name}")
            if name.startswith(last):
                ends.append(name[len(last) :])
        for stem in stems:
            begin = stem.decode("utf-8", "surrogateescape")
            yield from (path for end in ends if real_path(path := begin + end) and seen(path) == key)

    def _full_ends(self) -> Iterator[str]:
        """Paths of as many components as are seen, for each directory and each way to end."""
        for node in self._tree.nodes:
            depth = node.path.count("/")
            missing = SEEN_COMPONENTS - depth
            if missing == 0:
                yield node.path
            elif missing > 0 and not node.plain:
                # below a plain one hits what hits beside it
                begins = ["x"]
                if node.windowed and missing > 1:
                    begins.append("x" * max(self._tree.window - size_of(node.path) - 1, 1))
                for begin in begins:
                    for name in ("x", *self._tree.names):
                        middle = "".join(f"/{part}" for part in [begin, *["x"] * missing][: missing - 1])
                        yield f"{node.path}{middle}/{name}"
