"""The classes of targets of one domain, whatever its targets are; and what became too large to tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush

from hauberk.policy.automaton import Search
from hauberk.policy.machines import TooManyStatesError
from hauberk.policy.matching import (
    NAME_BYTES,
    Capable,
    DomainBelow,
    Glob,
    SocketProtocol,
    subject_of,
)
from hauberk.policy.model import Access, Domain, Model
from hauberk.policy.patterns import SLASH, recognizer
from hauberk.policy.realpaths import PATH_BYTES, liking, plain, real_path, size_of
from hauberk.policy.tables import CAPABILITIES, PROTOCOL_NUMBERS, SOCKET_TYPES
from hauberk.policy.tree import Tree, View
from hauberk.policy.wanted import Hints, Limit, TargetClass, TooManyStepsError, Wanted

_PLAIN_SOCKETS = (("stream", 6), ("dgram", 17), ("raw", 1), ("raw", 58), ("seqpacket", 132))
_LABEL_BYTES = 63
_NAME_BYTES = 253
_LOOSE_WORDS = 4
COMBINATIONS = "the combinations of its rules"


@dataclass(slots=True)
class Targets:
    """`views` are the matchers, by number.

    What a search finds out: `loose`, the patterns (by matcher) that were tried on single targets only; `exhausted`,
    why classes may be missing.
    """

    domain: Domain
    views: Sequence[View]
    hints: Hints
    limit: Limit
    loose: dict[int, str]
    exhausted: str | None = None
    _tree: Tree | None = None

    def classes(self, wanted: Wanted) -> Iterator[TargetClass]:
        """The classes that hit something wanted, plainest first; one may come again after a pattern was given up."""
        self.exhausted = None
        match self.domain:
            case "process" | "file":
                yield from self._paths(wanted)
            case "network":
                yield from self._probed(wanted, self._sockets())
            case "dns":
                yield from self._probed(wanted, self._names())
            case "capabilities":
                yield from self._probed(wanted, self._capabilities())

    def _paths(self, wanted: Wanted) -> Iterator[TargetClass]:
        for _ in range(self.limit.attempts):
            if self._tree is None:
                self._tree = Tree(self.views, self.loose, self.limit.weight)
                self.loose.update(self._tree.loose)
            tree = self._tree
            search = Search(tree, wanted, self.hints, self.limit)
            try:
                yield from search.run()
            except TooManyStepsError:
                self.exhausted = COMBINATIONS
                return
            except TooManyStatesError:
                given_up = self._heaviest(tree)
                if not given_up:
                    self.exhausted = COMBINATIONS
                    return
                self.loose.update(given_up)
                self._tree = None
                continue
            if search.too_long:
                self.exhausted = "names at the limit of a path's length"
            yield from self._loose_words(tree, wanted)
            return
        self.exhausted = next(iter(self.loose.values()), COMBINATIONS)

    def _heaviest(self, tree: Tree) -> dict[int, str]:
        """The half of the patterns that made most states, at least one."""
        owners: dict[int, list[int]] = {}
        for node in tree.nodes:
            for rest, matchers in node.rests.items():
                owners.setdefault(rest, []).extend(number for number, _ in matchers)
        weights = {
            rest: n for rest, n in tree.machines.weights().items() if any(self._pattern(m) for m in owners[rest])
        }
        # harmless patterns that many directories share must not be given up for a few that are not
        heavy = [rest for rest, weight in weights.items() if 4 * weight >= max(weights.values())]
        heavy.sort(key=lambda rest: (-weights[rest], rest))
        chosen = heavy[: len(heavy) // 2 + 1]
        return {m: pattern for rest in chosen for m in owners[rest] if (pattern := self._pattern(m)) is not None}

    def _pattern(self, number: int) -> str | None:
        target = self.views[number][1]
        return target.pattern if isinstance(target, Glob) else None

    def _loose_words(self, tree: Tree, wanted: Wanted) -> Iterator[TargetClass]:
        for number, pattern in self.loose.items():
            if wanted.any((number,)):
                for path in shortest_paths(pattern):
                    yield TargetClass(tree.classify(path), path, tree.loose_hits(path))

    # -- domains whose classes can be counted

    def _probed(self, wanted: Wanted, accesses: Iterator[Access]) -> Iterator[TargetClass]:
        seen: set[tuple[int, ...]] = set()
        index = _Index(self.views)
        for access in accesses:
            hits = index.hits(access)
            if hits not in seen and wanted.any(hits):
                seen.add(hits)
                yield TargetClass(hits, access.target, (), access.type, access.protocol)

    def _sockets(self) -> Iterator[Access]:
        numbers = {0, *PROTOCOL_NUMBERS.values()}
        numbers.update(target.number for _, target in self.views if isinstance(target, SocketProtocol))
        other = next(number for number in range(2, len(numbers) + 3) if number not in numbers)
        pairs = dict.fromkeys((*_PLAIN_SOCKETS, *((t, n) for n in (*sorted(numbers), other) for t in SOCKET_TYPES)))
        yield from (Access("network", type=kind, protocol=number) for kind, number in pairs)

    def _capabilities(self) -> Iterator[Access]:
        named = [target.name for _, target in self.views if isinstance(target, Capable)]
        yield from (Access("capability", target=name) for name in dict.fromkeys((*named, *sorted(CAPABILITIES))))
        yield Access("capability", target="of_a_later_kernel")

    def _names(self) -> Iterator[Access]:
        named: dict[str, None] = {}
        depths: set[int] = set()
        for _, target in self.views:
            if isinstance(target, DomainBelow):
                named.update(dict.fromkeys(target.names))
                if target.depth is not None:
                    depths.update(range(2, target.depth + 2))
        mixed = len({model for model, _ in self.views}) > 1
        texts: list[str] = [*named]
        texts += [f"x.{name}" for name in named]
        texts.append(next(name for name in (f"{'x' * n}.example" for n in range(1, 99)) if name not in named))
        for depth in sorted(depths):
            texts += ["x." * depth + name for name in named]
        if mixed:
            for name in named:
                room = NAME_BYTES - 1 - size_of(name)
                texts += [name.swapcase(), f"{'x' * _LABEL_BYTES}.{name}"]
                if room > 0:
                    texts.append(f"{'x' * room}.{name}y.example")
        yield from (Access("dns", target=text) for text in dict.fromkeys(texts) if _real_name(text))


def _real_name(text: str) -> bool:
    return size_of(text) <= _NAME_BYTES and all(0 < size_of(label) <= _LABEL_BYTES for label in text.split("."))


class _Index:
    """Finds the matchers of a name or socket without trying them all: only those that share its end."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        self._below: dict[str, list[int]] = {}
        self._capable: dict[str, list[int]] = {}
        self._others: list[int] = []
        for number, (_, target) in enumerate(views):
            if isinstance(target, DomainBelow):
                for name in target.names:
                    self._below.setdefault(name, []).append(number)
            elif isinstance(target, Capable):
                self._capable.setdefault(target.name, []).append(number)
            else:
                self._others.append(number)

    def hits(self, access: Access) -> tuple[int, ...]:
        subjects = {model: subject_of(model, access) for model in Model}
        tried = set(self._others)
        for subject in subjects.values():
            tried.update(self._capable.get(subject.text, ()))
            text = subject.text
            while self._below:
                tried.update(self._below.get(text, ()))
                _, dot, text = text.partition(".")
                if not dot:
                    break
        return tuple(sorted(m for m in tried if self._views[m][1].hits(subjects[self._views[m][0]])))


def shortest_paths(pattern: str) -> Iterator[str]:
    """A few short paths that a pattern matches, found on the automaton as it is."""
    return iter(_known_paths(pattern))


@lru_cache(maxsize=4096)
def _known_paths(pattern: str) -> tuple[str, ...]:
    return tuple(_shortest_paths(pattern))


def _shortest_paths(pattern: str) -> Iterator[str]:
    found = recognizer(pattern)
    if found is None:
        return
    automaton = found.automaton
    heap: list[tuple[int, str, int]] = [(0, "", 0)]
    visits: dict[tuple[int, bool], int] = {}
    given = 0
    while heap and given < _LOOSE_WORDS:
        size, word, state = heappop(heap)
        key = (state, word.endswith("/") or not word)
        visits[key] = visits.get(key, 0) + 1
        if visits[key] > _LOOSE_WORDS:
            continue
        if state == automaton.accept and real_path(word):
            given += 1
            yield word
        for after in automaton.free[state]:
            heappush(heap, (size, word, after))
        move = automaton.moves[state]
        if move is None:
            continue
        if any(low <= SLASH <= high for low, high in move[0]) and not word.endswith("/"):
            heappush(heap, (size + 1, word + "/", move[1]))
        low, high = min(move[0], key=lambda part: liking(*part))
        char = plain(low, high)
        if word and char is not None and size < PATH_BYTES:
            heappush(heap, (size + size_of(char), word + char, move[1]))
