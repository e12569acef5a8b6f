"""`hauberk-enforcer dump`: what the kernel holds, back as rules, and where it is not what was written to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hauberk.enforcer import state as states
from hauberk.enforcer.groups import exists
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image, Place
from hauberk.enforcer.kernel.wire import CELL, HEADER, Area, Flag, Kind
from hauberk.enforcer.session import Places, adopted
from hauberk.enforcer.state import Generation, Group, Held
from hauberk.policy.decision import Compiled
from hauberk.policy.lists import Origin
from hauberk.policy.model import Posture, Preset, Rule, Workload

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.hashing import Seed
    from hauberk.enforcer.kernel.maps import Kernel

_CELLS = ("denies", "denies others than the owner", "denies on a terminal", "passes")
_WATCHES = ("reports", "reports others than the owner", "reports on a terminal")


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule as written, with its number in the kernel; `whole` unless an entry that names it is missing or differs."""

    number: int
    policy: str
    rule: str
    place: str
    action: str
    matcher: str
    sources: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class HeldWorkload:
    """`workload` is None when nothing says whose slot it is; then `raw` has the entries."""

    slot: int
    groups: tuple[Group, ...]
    memory: int
    digest: str
    workload: Workload | None = None
    posture: Posture | None = None
    rules: tuple[HeldRule, ...] = ()
    drift: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dumped:
    """`loaded` says whether any programs are at work; `drift` is what is about no single workload."""

    loaded: bool
    workloads: tuple[HeldWorkload, ...] = ()
    programs: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def drifts(self) -> bool:
        return bool(self.drift) or any(one.drift for one in self.workloads)


def run(places: Places) -> Dumped:
    """Compares everything that the programs read with what the state file says was written."""
    from hauberk.enforcer.kernel import loader

    with adopted(places) as session:
        state = states.read(places.state)
        if session is None:
            lost = bool(state and state.slots)
            said = f"{places.state} says what was enforced: nothing is"
            return Dumped(loaded=False, drift=(said,) if lost else ())
        kernel = session.kernel
        programs = loader.attached(pins=places.pins)
        registered = kernel.containers()
        if state is None:
            note = f"{places.state} is not there: rules are numbers, and what they are is not known"
            unknown = tuple(_unknown(kernel, slot, registered) for slot in kernel.slots())
            return Dumped(loaded=True, workloads=unknown, programs=programs, notes=(note,))
        drift = [f"program {name} is no longer attached" for name in state.programs if name not in programs]
        workloads = [_known(kernel, slot, held, registered) for slot, held in sorted(state.slots.items())]
        for slot in kernel.slots():
            if slot not in state.slots:
                drift.append(f"slot {slot} has a policy that nothing was written down of")
                workloads.append(_unknown(kernel, slot, registered))
        gone = [group.path for held in state.slots.values() for group in held.groups if not exists(group)]
        notes = tuple(f"cgroup {path} is gone, and with it all its tasks" for path in gone)
        drift += [
            f"cgroup {number} is registered for slot {slot}, which has no policy"
            for number, slot in sorted(registered.items())
            if slot not in {one.slot for one in workloads}
        ]
        return Dumped(loaded=True, workloads=tuple(workloads), programs=programs, drift=tuple(drift), notes=notes)


def _groups(slot: int, registered: Mapping[int, int], paths: Mapping[int, str]) -> tuple[Group, ...]:
    return tuple(Group(number, paths.get(number, "")) for number, other in sorted(registered.items()) if other == slot)


def _unknown(kernel: Kernel, slot: int, registered: Mapping[int, int]) -> HeldWorkload:
    from hauberk.enforcer.kernel.maps import digest_of

    entries = kernel.read_policy(slot) or {}
    raw = tuple(f"{key:016x} {_raw(entries[key])}" for key in sorted(entries))
    return HeldWorkload(slot, _groups(slot, registered, {}), kernel.memory(slot), digest_of(entries), raw=raw)


def _raw(value: bytes) -> str:
    """Numbers of rules and sets of both sides, or the fields of a header."""
    numbers = [str(number) for cell in CELL.iter_unpack(value) for number in cell]
    return f"{' '.join(numbers[:8])} | {' '.join(numbers[8:])}"


def _known(kernel: Kernel, slot: int, held: Held, registered: Mapping[int, int]) -> HeldWorkload:
    from hauberk.enforcer.kernel.maps import digest_of

    paths = {group.id: group.path for group in held.groups}
    groups = _groups(slot, registered, paths)
    drift = [f"cgroup {group.path} is not registered" for group in held.groups if registered.get(group.id) != slot]
    drift += [
        f"cgroup {group.id} is registered, which nothing was written down of" for group in groups if not group.path
    ]
    entries = kernel.read_policy(slot)
    compiled = held.now.compiled()
    image = encode(compiled)
    if entries is None:
        drift.append("the kernel holds no policy for it")
        entries = {}
    found = compared(image, entries, kernel.seed)
    drift += found.said
    for area, number in found.automata.items():
        if kernel.read_automaton(number) != list(image.states(area)):
            drift.append(f"the patterns of the {area.name.lower()} rules are others than those of the policies")
    return HeldWorkload(
        slot,
        groups,
        kernel.memory(slot),
        digest_of(entries),
        held.now.workload,
        held.now.posture,
        tuple(_rules(image, compiled, held.now, found.touched)),
        tuple(drift),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """`touched` are numbers of rules that some missing or other entry names; `automata` their numbers by domain."""

    said: tuple[str, ...]
    touched: frozenset[int]
    automata: Mapping[Area, int]


def compared(image: Image, entries: Mapping[int, bytes], seed: Seed) -> Comparison:
    """The entries that a kernel holds against what they should be (pure)."""
    automata: dict[Area, int] = {}
    for area in image.automata:
        header = entries.get(Place(area, Kind.HEADER, 0).key(seed))
        if header is not None:
            automata[area] = HEADER.unpack(header)[3]
    expected = dict(image.entries(seed, automata))
    places = {place.key(seed): place for place in (*image.headers, *image.cells)}
    said: list[str] = []
    touched: set[int] = set()
    for key, value in expected.items():
        there = entries.get(key)
        if there == value:
            continue
        touched |= _numbers(places[key], image)
        name = shown(places[key])
        said.append(
            f"{name}: is missing" if there is None else f"{name}: {_difference(places[key], value, there, image)}"
        )
    unexplained = sorted(entries.keys() - expected.keys())
    said += [f"entry {key:016x} is explained by no rule: {_raw(entries[key])}" for key in unexplained]
    return Comparison(tuple(said), frozenset(touched), automata)


def _numbers(place: Place, image: Image) -> set[int]:
    numbers: set[int] = set()
    for cell in image.cells.get(place, ()):
        numbers |= {cell.deny, cell.deny_other, cell.deny_tty, cell.passes}
        for watch in (cell.watch, cell.watch_other, cell.watch_tty):
            numbers |= set(image.sets[watch - 1]) if watch else set()
    return numbers - {0}


def shown(place: Place) -> str:
    """A key of a policy in words."""
    what = place.what
    if isinstance(what, int):
        text = str(what)
    else:
        text = _path(what) if place.kind is not Kind.NAME else what[0].decode("utf-8", "backslashreplace")
    source = "" if place.source is None else f" from {_path(place.source)}"
    return f"{place.area.name.lower()} {place.kind.name.lower()} {text}{source}"


def _path(components: Sequence[bytes]) -> str:
    return "/" + b"/".join(components).decode("utf-8", "backslashreplace")


def _difference(place: Place, wanted: bytes, there: bytes, image: Image) -> str:
    if place.kind is Kind.HEADER:
        flags = (Flag(HEADER.unpack(value)[2]) for value in (there, wanted))
        first, second = (flag.name or "none" for flag in flags)
        return f"flags {first}, not {second}" if first != second else "other depths or patterns than the policies have"
    return f"{_meaning(there, image)}, not {_meaning(wanted, image)}"


def _meaning(value: bytes, image: Image) -> str:
    sides: list[str] = []
    for offset in (0, CELL.size):
        numbers = CELL.unpack_from(value, offset)
        words = [
            f"{word} by {_named(number, image)}" for word, number in zip(_CELLS, numbers[:4], strict=True) if number
        ]
        words += [f"{word} set {number}" for word, number in zip(_WATCHES, numbers[4:7], strict=True) if number]
        sides.append(" and ".join(words) or "says nothing")
    return sides[0] if sides[0] == sides[1] else f"{sides[0]} (changes: {sides[1]})"


def _named(number: int, image: Image) -> str:
    return image.rules[number - 1].name if number <= len(image.rules) else f"rule {number}"


def _rules(image: Image, compiled: Compiled, generation: Generation, touched: frozenset[int]) -> Iterator[HeldRule]:
    # every policy that was written down selects the workload
    given_of = dict(zip(map(id, compiled.policies), generation.policies, strict=True))
    for number, origin in enumerate(image.rules, 1):
        entry = origin.entry
        yield HeldRule(
            number,
            origin.policy.name,
            entry.id,
            given_of[id(origin.policy)].place(entry),
            _action(origin),
            _matcher(entry),
            tuple(source or "" for source in entry.sources) if isinstance(entry, Rule) else (),
            number not in touched,
        )


def _action(origin: Origin) -> str:
    entry = origin.entry
    if isinstance(entry, Preset):
        text = entry.action_text or origin.policy.action_text
        return "Audit" if text.lower() == "audit" else "Block"
    return entry.action.value if entry.action else entry.action_text


def _matcher(entry: Rule | Preset) -> str:
    if isinstance(entry, Preset):
        return f"preset {entry.name}"
    matcher = entry.matcher
    words = [
        f"{name} {value}" for name in type(matcher).__slots__ if (value := getattr(matcher, name)) not in (None, False)
    ]
    words = ["recursive" if word == "recursive True" else word for word in words]
    flags = entry.flags
    words += ["readOnly"] if flags.read_only else []
    words += ["ownerOnly"] if flags.owner_only else []
    words += ["pts: false"] if flags.pts is False else []
    return " ".join(words)
