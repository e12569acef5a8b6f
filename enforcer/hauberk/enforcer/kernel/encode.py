"""Decision lists of the hauberk model -> what the kernel looks up (pure).

The kernel does not walk a list. It looks for values under keys, in the order of ranks: rules that name the source
first, then path, name, pattern, longest directory; the first value with a verdict rule decides. A value says what
all equals of its rank say (`Cell`). So this module only groups the entries of the lists, whose order `policy/` has
decided: it knows no precedence but that of kinds of keys.

Beyond the lists, two marks guard names, as enforcement.md section 4 asks: side CHANGE of the process domain holds
the rules that block a program whose name is to be taken away, and `Kind.ABOVE` the directories that have a path
with a denial below them.
"""

from __future__ import annotations

from collections.abc import Iterable

from hauberk.enforcer.kernel.dfa import MOST_STATES, Automaton, TooManyStatesError, compile_globs
from hauberk.enforcer.kernel.drafts import Draft, NotEncodableError, blocks, names_sources, parts_of, places_of
from hauberk.enforcer.kernel.hashing import components_of
from hauberk.enforcer.kernel.image import NO_CELL, Cell, Header, Image, Place
from hauberk.enforcer.kernel.wire import Area, Flag, Kind, Side
from hauberk.policy.decision import Compiled
from hauberk.policy.lists import DecisionList, Entry, Origin, Watch
from hauberk.policy.matching import Glob, InMemory, Pathless, octets
from hauberk.policy.model import Directory, Op, Verdict

__all__ = ["NotEncodableError", "encode"]

_LISTS: tuple[tuple[Area, Side, Op], ...] = (
    (Area.PROCESS, Side.READ, "exec"),
    (Area.FILE, Side.READ, "read"),
    (Area.FILE, Side.CHANGE, "write"),
    (Area.NETWORK, Side.READ, "network"),
    (Area.CAPABILITIES, Side.READ, "capability"),
)
_MEMORY_DIRECTORIES = ((b"dev", b"shm"), (b"run", b"shm"))
_DEEPEST_BIT = 63
_FIRST_MASK = {Kind.EXACT, Kind.PROTOCOL, Kind.CAPABILITY}
_SECOND_MASK = {Kind.NEAR, Kind.FAR, Kind.TYPE, Kind.ALL}
"""Kinds of keys that a header has bits for, see wire.h."""


_Source = tuple[bytes, ...] | None
ANYBODY: tuple[bytes, ...] = ()
"""In place of a source: some that rules name. It has the hash of `/`, which is no program."""

_Tier = tuple[Area, _Source]


def encode(compiled: Compiled, most_states: int = MOST_STATES) -> Image:
    """What the kernel is to hold for the workload of `compiled`.

    Raises:
        NotEncodableError: a rule or preset uses what the programs do not implement (HB607), or the patterns of a
            domain need too many states.

    """
    return _Encoder(compiled, most_states).image()


class _Encoder:
    def __init__(self, compiled: Compiled, most_states: int) -> None:
        self._compiled = compiled
        self._most_states = most_states
        self._drafts: dict[Place, tuple[Draft, Draft]] = {}
        self._globs: dict[Area, dict[Glob, dict[_Source, list[tuple[Side, Entry | Watch]]]]] = {}
        self._flags: dict[_Tier, Flag] = {}
        self._memory: tuple[int, set[int]] = (0, set())
        self._numbers: dict[int, int] = {}
        self._rules: list[Origin] = []
        self._sets: dict[tuple[int, ...], int] = {}

    def image(self) -> Image:
        lists = [(area, side, op, self._tiers(op)) for area, side, op in _LISTS]
        self._refuse()
        self._number(one for *_, tiers in lists for one in tiers)
        for area, side, _, tiers in lists:
            for source, one in tiers:
                self._read(area, side, source, one)
        cells: dict[Place, tuple[Cell, Cell]] = {}
        automata: dict[Area, Automaton] = {}
        for area in list(self._globs):
            automata[area] = self._patterns(area)
        self._guard()
        self._keep_directories()
        if self._memory != (0, set()):
            for directory in _MEMORY_DIRECTORIES:
                self._drafts[Place(Area.PROCESS, Kind.MEMORY, directory)] = (Draft(), Draft())
        for place, (first, second) in self._drafts.items():
            cells[place] = (self._cell(first), self._cell(second))
        headers = self._headers({area: one.start for area, one in automata.items()})
        return Image(headers, cells, automata, tuple(self._rules), tuple(self._sets))

    # -- reading the lists

    def _tiers(self, op: Op) -> list[tuple[_Source, DecisionList]]:
        """The list of all sources, and one for each source that rules name and a program can have."""
        compiled = self._compiled
        found: list[tuple[_Source, DecisionList]] = [(None, compiled.list_of(op, None))]
        for name in compiled.source_classes(op)[1:]:
            components = components_of(octets(name or ""))
            if components is not None:
                found.append((components, compiled.list_of(op, name)))
        return found

    def _refuse(self) -> None:
        for policy in self._compiled.policies:
            for rule in policy.rules:
                if rule.domain == "dns":
                    raise NotEncodableError("DNS queries are not enforced", Origin(policy, rule))
                if rule.flags.allowed_args:
                    raise NotEncodableError("allowedArgs are not enforced", Origin(policy, rule))
                if isinstance(rule.matcher, Directory) and rule.matcher.dir == "//":
                    raise NotEncodableError("the directory // is no more than the path /", Origin(policy, rule))
            for preset in policy.presets:
                if preset.name != "filelessExec":
                    raise NotEncodableError(f"preset {preset.name} is not enforced", Origin(policy, preset))

    def _number(self, tiers: Iterable[tuple[_Source, DecisionList]]) -> None:
        """Numbers in the order in which equals are named: Block before Allow, then by name (semantics 4.6)."""
        origins: dict[int, Origin] = {}
        for _, one in tiers:
            for part in parts_of(one):
                if part.origin is not None:
                    origins.setdefault(id(part.origin.entry), part.origin)
        ordered = sorted(origins.values(), key=lambda origin: (not blocks(origin), origin.name))
        for origin in ordered:
            self._rules.append(origin)
            self._numbers[id(origin.entry)] = len(self._rules)

    def _read(self, area: Area, side: Side, source: _Source, one: DecisionList) -> None:
        flags = self._flags.setdefault((area, source), Flag(0))
        if source is None and one.default.allow_listed:
            flags |= Flag.LISTED
            if one.default.verdict is Verdict.DENIED:
                flags |= Flag.BLOCKS
        self._flags[area, source] = flags
        for part in parts_of(one):
            if isinstance(part.target, Pathless):
                continue  # the kernel's own answer for files without a path
            assert part.origin is not None  # noqa: S101  every other entry has one
            if isinstance(part.target, InMemory):
                self._read_memory(part)
            elif names_sources(part.origin) == (source is not None):
                self._place(area, side, source, part)

    def _read_memory(self, part: Entry | Watch) -> None:
        assert part.origin is not None  # noqa: S101  a preset
        number = self._numbers[id(part.origin.entry)]
        deny, watches = self._memory
        if isinstance(part, Entry):
            self._memory = (deny or number, watches)
        else:
            watches.add(number)

    def _place(self, area: Area, side: Side, source: _Source, part: Entry | Watch) -> None:
        if isinstance(part.target, Glob):
            tiers = self._globs.setdefault(area, {}).setdefault(part.target, {})
            tiers.setdefault(source, []).append((side, part))
            return
        for kind, what in places_of(part.target):
            self._put(Place(area, kind, what, source), side, part)

    def _put(self, place: Place, side: Side, part: Entry | Watch) -> None:
        assert part.origin is not None  # noqa: S101  checked by the readers
        draft = self._drafts.setdefault(place, (Draft(), Draft()))[side]
        number = self._numbers[id(part.origin.entry)]
        if isinstance(part, Entry):
            draft.add(part, number)
        else:
            for condition in part.conditions:
                draft.add_watch(condition, number)

    # -- patterns

    def _patterns(self, area: Area) -> Automaton:
        globs = self._globs[area]
        try:
            automaton = compile_globs(tuple(globs), self._most_states)
        except TooManyStatesError as error:
            raise NotEncodableError(f"the patterns of the {area.name.lower()} rules: {error}") from error
        order = tuple(globs.values())
        for number, matching in enumerate(automaton.sets, 1):
            tiers: dict[_Source, list[tuple[Side, Entry | Watch]]] = {}
            for index in sorted(matching):
                for source, parts in order[index].items():
                    tiers.setdefault(source, []).extend(parts)
            for source, parts in tiers.items():
                for side, part in sorted(parts, key=self._named_first):
                    self._put(Place(area, Kind.GLOB, number, source), side, part)
                self._flags[area, source] |= Flag.GLOBS
        return automaton

    def _named_first(self, pair: tuple[Side, Entry | Watch]) -> tuple[bool, str, int]:
        """The order of equals in a list: denials by number, passes by name (see semantics/hauberk.py)."""
        part = pair[1]
        assert part.origin is not None  # noqa: S101  checked by the readers
        denies = isinstance(part, Entry) and part.verdict is Verdict.DENIED
        number = self._numbers[id(part.origin.entry)]
        return (not denies, "" if denies else part.origin.name, number)

    # -- names that are kept

    def _guard(self) -> None:
        """Side CHANGE of the process domain: what blocks a program for some source.

        The rules of all sources without a name as they are, and, as if they named one source, the denials of those
        that name any: a program that is denied to one of them only keeps its name, too.
        """
        for place, draft in list(self._drafts.items()):
            if place.area is not Area.PROCESS:
                continue
            read = draft[Side.READ]
            number = min((n for n in (read.deny, read.deny_other, read.deny_tty) if n), default=0)
            if place.source is None:
                draft[Side.CHANGE].deny = number
                draft[Side.CHANGE].passes = read.passes
            elif number:
                merged = Place(place.area, place.kind, place.what, ANYBODY)
                kept = self._drafts.setdefault(merged, (Draft(), Draft()))[Side.CHANGE]
                kept.deny = min(kept.deny or number, number)
                if place.kind is Kind.GLOB:
                    self._flags[Area.PROCESS, ANYBODY] = Flag.GLOBS
            if number:
                self._flags[Area.PROCESS, None] |= Flag.GUARDS

    def _keep_directories(self) -> None:
        for place, draft in list(self._drafts.items()):
            if place.kind not in {Kind.EXACT, Kind.NEAR} or isinstance(place.what, int):
                continue
            number = min((n for one in draft for n in (one.deny, one.deny_other, one.deny_tty) if n), default=0)
            if not number:
                continue
            path = place.what
            last = len(path) if place.kind is Kind.EXACT or place.area is Area.FILE else len(path) + 1
            for depth in range(1, last):
                above = Place(place.area, Kind.ABOVE, path[:depth])
                kept = self._drafts.setdefault(above, (Draft(), Draft()))[Side.READ]
                kept.deny = min(kept.deny or number, number)

    # -- values

    def _cell(self, draft: Draft) -> Cell:
        cell = Cell(
            draft.deny,
            draft.deny_other,
            draft.deny_tty,
            draft.passes,
            self._set(draft.watch),
            self._set(draft.watch_other),
            self._set(draft.watch_tty),
        )
        return NO_CELL if cell == NO_CELL else cell

    def _set(self, numbers: set[int]) -> int:
        if not numbers:
            return 0
        return self._sets.setdefault(tuple(sorted(numbers)), len(self._sets) + 1)

    def _headers(self, starts: dict[Area, int]) -> dict[Place, Header]:
        depths: dict[_Tier, list[int]] = {}
        used = set(self._flags)
        found: set[_Tier] = set()
        for place in self._drafts:
            tier = (place.area, place.source)
            found.add(tier)
            used.add(tier)
            masks = depths.setdefault(tier, [0, 0])
            if place.kind is Kind.NAME:
                self._flags[tier] = self._flags.get(tier, Flag(0)) | Flag.NAMES
            if place.kind in _FIRST_MASK or place.kind in _SECOND_MASK:
                bit = place.what if isinstance(place.what, int) else len(place.what)
                masks[place.kind in _SECOND_MASK] |= 1 << min(bit, _DEEPEST_BIT)
        deny, watches = self._memory
        headers: dict[Place, Header] = {}
        areas = {area for area, _ in found}
        for tier in used:
            area, source = tier
            flags = self._flags.get(tier, Flag(0))
            memory = area is Area.PROCESS and source is None and bool(deny or watches)
            # a domain is asked about where some tier of it says something
            if not (flags or tier in found or memory or (source is None and area in areas)):
                continue
            exact, directories = depths.get(tier, (0, 0))
            headers[Place(area, Kind.HEADER, 0, source)] = Header(
                flags | (Flag.MEMORIES if memory else Flag(0)),
                exact,
                directories,
                starts.get(area, 0),
                deny if memory else 0,
                self._set(watches) if memory else 0,
            )
        return headers
