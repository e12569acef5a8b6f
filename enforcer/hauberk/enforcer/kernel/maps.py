"""Policies, containers and settings in the kernel: written aside, swapped whole, read back."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError, TooLargeError
from hauberk.enforcer.kernel.hashing import Seed
from hauberk.enforcer.kernel.image import Image, Place
from hauberk.enforcer.kernel.libbpf import INNER_MAP, MAP_ARRAY, MAP_HASH, Map, processors
from hauberk.enforcer.kernel.loader import SETTINGS_MAP, Programs
from hauberk.enforcer.kernel.wire import (
    CONTAINER,
    HEADER,
    KEY,
    LEVELS,
    SETTINGS,
    SLOT,
    STATE,
    VALUE_BYTES,
    Area,
    Counter,
    Flag,
    Kind,
    Settings,
)

NODE = 0
"""The slot of the node itself."""

CGROUPS = Path("/sys/fs/cgroup")
_ENTRY_OVERHEAD = 64
"""Bytes that the kernel keeps with an entry of a hash map beside key and value (kernel/bpf/hashtab.c, rounded up)."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A map of a workload that was seen to hold `image`: digests of its entries, in their order, and of automata."""

    image: Image
    numbers: Mapping[Area, int]
    entries: str
    rows: Mapping[Area, str]


class Kernel:
    """What the programs read, as one thing that is changed step by step; every step is atomic for them."""

    def __init__(self, programs: Programs, *, most_bytes: int = 512 << 20) -> None:
        self._programs = programs
        self._maps = programs.maps
        self._most_bytes = most_bytes
        self._written = self.settings()
        self._known: dict[int, _Known] = {}

    @property
    def seed(self) -> Seed:
        return self._programs.seed

    # -- policies

    def set_policy(self, slot: int, image: Image) -> None:
        """From one moment to the next, `image` is what a workload's tasks are judged by.

        Raises:
            TooLargeError: with the bytes it would take and the bound.
            KernelError: the kernel refuses; what was there before stays.

        """
        wanted = bytes_of(image)
        if wanted > self._most_bytes:
            raise TooLargeError(
                f"the policy takes {wanted / 1e6:.1f} MB of kernel memory, the bound is {self._most_bytes / 1e6:.1f} MB"
            )
        old = self._automata_of(slot)
        numbers: dict[Area, int] = {}
        try:
            for area in image.automata:
                numbers[area] = self._add_automaton(image, area)
            with self._filled(image, numbers) as policy:
                self._maps["policies"].set(SLOT.pack(slot), SLOT.pack(policy.fd))
            if slot == NODE:
                self._set_node(there=True)
        except BaseException:
            for number in numbers.values():
                self._maps["automata"].delete(SLOT.pack(number))
            raise
        # the call above returned after the last program that could read the old policy (maybe_wait_bpf_programs)
        for number in old:
            self._maps["automata"].delete(SLOT.pack(number))

    def clear_policy(self, slot: int) -> bool:
        """A workload without a policy is not judged. Whether there was one."""
        old = self._automata_of(slot)
        there = self._maps["policies"].delete(SLOT.pack(slot))
        self._known.pop(slot, None)
        if slot == NODE:
            self._set_node(there=False)
        for number in old:
            self._maps["automata"].delete(SLOT.pack(number))
        return there

    def _filled(self, image: Image, numbers: Mapping[Area, int]) -> Map:
        entries = dict(image.entries(self._programs.seed, numbers))
        if len(entries) != len(image.headers) + len(image.cells):
            raise KernelError(errno.EEXIST, "two keys of the policy have one hash: load it again")
        policy = Map.create(MAP_HASH, "hbk_policy", KEY.size, VALUE_BYTES, image.size)
        try:
            policy.set_all(b"".join(map(KEY.pack, entries)), b"".join(entries.values()))
        except BaseException:
            policy.close()
            raise
        return policy

    def _add_automaton(self, image: Image, area: Area) -> int:
        automata = self._maps["automata"]
        number = next((n for n in range(1, automata.max_entries) if automata.get(SLOT.pack(n)) is None), None)
        if number is None:
            raise TooLargeError(f"all {automata.max_entries} places for automata of patterns are taken")
        rows = list(image.states(area))
        with Map.create(MAP_ARRAY, "hbk_automaton", SLOT.size, STATE.size, len(rows), INNER_MAP) as table:
            table.set_all(b"".join(map(SLOT.pack, range(len(rows)))), b"".join(rows))
            automata.set(SLOT.pack(number), SLOT.pack(table.fd))
        return number

    def _automata_of(self, slot: int) -> list[int]:
        number = self._maps["policies"].get(SLOT.pack(slot))
        if number is None:
            return []
        found: list[int] = []
        with Map.of_id(_number(number), "hbk_policy") as policy:
            for area in (Area.PROCESS, Area.FILE):
                header = policy.get(KEY.pack(Place(area, Kind.HEADER, 0).key(self._programs.seed)))
                if header is not None:
                    _, _, flags, automaton, *_ = HEADER.unpack(header)
                    if flags & Flag.GLOBS:
                        found.append(automaton)
        return found

    def slots(self) -> Iterator[int]:
        """Workloads that have a policy."""
        policies = self._maps["policies"]
        for slot in range(policies.max_entries):
            if policies.get(SLOT.pack(slot)) is not None:
                yield slot

    @property
    def probe_slot(self) -> int:
        """The last one: kept for the test that a denial is one."""
        last: int = self._maps["policies"].max_entries - 1
        return last

    def free_slot(self) -> int:
        """A slot without a policy, never the node's or the probe's.

        Raises:
            TooLargeError: there is none.

        """
        policies = self._maps["policies"]
        # tasks keep their labels: a slot is not given away while its cgroups are there
        taken = set(self.containers().values())
        for slot in range(1, self.probe_slot):
            if slot not in taken and policies.get(SLOT.pack(slot)) is None:
                return slot
        raise TooLargeError(f"all {self.probe_slot - 1} places for workloads are taken")

    def version(self, slot: int) -> int:
        """What records call a workload's policy: the id of its map, another one after each change; 0 without one."""
        number = self._maps["policies"].get(SLOT.pack(slot))
        return 0 if number is None else _number(number)

    def read_policy(self, slot: int) -> dict[int, bytes] | None:
        """All entries that the kernel holds for a workload, None when it has no policy."""
        number = self._maps["policies"].get(SLOT.pack(slot))
        if number is None:
            return None
        with Map.of_id(_number(number), "hbk_policy") as policy:
            return _entries(*policy.dump())

    def digest(self, slot: int) -> str:
        """Of the entries that the kernel holds for a workload."""
        return digest_of(self.read_policy(slot) or {})

    def read_automaton(self, number: int) -> list[bytes]:
        """The rows of an automaton."""
        rows = self._rows(number)
        return [rows[at : at + STATE.size] for at in range(0, len(rows), STATE.size)]

    def _rows(self, number: int) -> bytes:
        held = self._maps["automata"].get(SLOT.pack(number))
        if held is None:
            return b""
        with Map.of_id(_number(held), "hbk_automaton") as table:
            return table.dump()[1]

    def holds(self, slot: int, image: Image) -> bool:
        """Whether the kernel holds exactly `image` for a workload: entries and automata, byte for byte."""
        number = self._maps["policies"].get(SLOT.pack(slot))
        if number is None:
            return False
        with Map.of_id(_number(number), "hbk_policy") as policy:
            if policy.max_entries != image.size:
                return False
            dumped = policy.dump()
        seen = _digest(dumped)
        known = self._known.get(slot)
        if known is None or known.image is not image or known.entries != seen:
            # looked at entry by entry: the daemon compares often, and a map that nobody changes keeps its order
            numbers = self._numbers(_entries(*dumped), image)
            if numbers is None:
                return False
            rows = {area: _digest(image.states(area)) for area in numbers}
            known = self._known[slot] = _Known(image, numbers, seen, rows)
        return all(_digest((self._rows(n),)) == known.rows[area] for area, n in known.numbers.items())

    def _numbers(self, held: Mapping[int, bytes], image: Image) -> dict[Area, int] | None:
        """The numbers of automata that entries of a policy name; None if they are not those of `image`."""
        numbers: dict[Area, int] = {}
        for area in image.automata:
            header = held.get(Place(area, Kind.HEADER, 0).key(self._programs.seed))
            if header is None:
                return None
            numbers[area] = HEADER.unpack(header)[3]
        return numbers if held == dict(image.entries(self._programs.seed, numbers)) else None

    def memory(self, slot: int) -> int:
        """Bytes that the kernel charges for a workload's policy and automata."""
        number = self._maps["policies"].get(SLOT.pack(slot))
        if number is None:
            return 0
        with Map.of_id(_number(number), "hbk_policy") as policy:
            total = policy.memory
        for automaton in self._automata_of(slot):
            held = self._maps["automata"].get(SLOT.pack(automaton))
            if held is not None:
                with Map.of_id(_number(held), "hbk_automaton") as table:
                    total += table.memory
        return total

    # -- containers

    def register(self, cgroup: Path, slot: int) -> None:
        """Tasks of a cgroup and of those below it belong to a workload from their next access on.

        Raises:
            TooLargeError: all places for cgroups are taken.
            KernelError: the folder is no cgroup.

        """
        number, depth = cgroup_of(cgroup)
        containers = self._maps["containers"]
        try:
            containers.set(KEY.pack(number), CONTAINER.pack(slot))
        except KernelError as error:
            if error.errno != errno.E2BIG:
                raise
            raise TooLargeError(f"all {containers.max_entries} places for cgroups are taken") from error
        self._changed(1 << depth)

    def unregister(self, number: int) -> bool:
        """By the id of a cgroup. Tasks that have a label keep it."""
        there = self._maps["containers"].delete(KEY.pack(number))
        self._changed(0)
        return there

    def containers(self) -> dict[int, int]:
        """Slot by id of a cgroup."""
        keys, values = self._maps["containers"].dump()
        pairs = zip(KEY.iter_unpack(keys), CONTAINER.iter_unpack(values), strict=True)
        return {number: slot for (number,), (slot,) in pairs}

    def _changed(self, levels: int) -> None:
        self._set(levels=levels, anew=True)

    # -- settings

    def settings(self) -> Settings:
        return Settings.unpack(self._maps[SETTINGS_MAP].get(SLOT.pack(0)) or bytes(SETTINGS.size))

    def set_rate(self, burst: int, seconds: float) -> None:
        """At most `burst` reports of one rule for one workload in a window; 0 for all."""
        self._set(burst=burst, window=int(seconds * 1e9))

    def set_observe(self, *, on: bool) -> None:
        """Whether what would be denied is reported only."""
        self._set(observe=int(on))

    def settings_differ(self) -> bool:
        """Whether somebody else took away or changed what this wrote; others may have added levels."""
        now, mine = self.settings(), self._written
        same = replace(now, registry=mine.registry, levels=mine.levels) == mine
        return not same or (now.levels & mine.levels) != mine.levels

    def expect(self, cgroups: Iterable[Path], *, node: bool) -> None:
        """Has `settings_differ` count what an earlier process must have written for these, whatever is there now."""
        levels = self._written.levels
        for cgroup in cgroups:
            # one that is gone needs nothing
            with suppress(KernelError):
                levels |= 1 << cgroup_of(cgroup)[1]
        self._written = replace(self._written, levels=levels, node=int(node))

    def restore_settings(self) -> None:
        """Writes them again; tasks are looked up anew, as they may have missed a label meanwhile."""
        mine = self._written
        self._set(
            observe=mine.observe, burst=mine.burst, window=mine.window, node=mine.node, levels=mine.levels, anew=True
        )

    def _set_node(self, there: bool) -> None:
        """Tasks of no container are looked at while there is a policy for them, and looked up anew from then on."""
        self._set(node=int(there), anew=self.settings().node != there)

    def _set(self, *, levels: int = 0, anew: bool = False, **changes: int) -> None:
        """Changes these settings and no others, which may be another process's; `anew`: labels are looked up again."""
        now, mine = self.settings(), self._written
        self._written = replace(mine, levels=mine.levels | levels, **changes)
        wanted = replace(now, levels=now.levels | levels, registry=now.registry + anew, **changes)
        if wanted != now:
            self._maps[SETTINGS_MAP].set(SLOT.pack(0), wanted.pack())

    def counters(self) -> dict[Counter, int]:
        """Since the programs were loaded, over all processors."""
        size = 8 * processors()
        found: dict[Counter, int] = {}
        for counter in Counter:
            values = self._maps["counters"].get(SLOT.pack(counter), size) or bytes(size)
            found[counter] = sum(struct.unpack(f"<{size // 8}Q", values))
        return found


def _entries(keys: bytes, values: bytes) -> dict[int, bytes]:
    parts = (values[at : at + VALUE_BYTES] for at in range(0, len(values), VALUE_BYTES))
    return {key: value for (key,), value in zip(KEY.iter_unpack(keys), parts, strict=True)}


def _number(value: bytes) -> int:
    number: int = SLOT.unpack(value)[0]
    return number


def cgroup_of(folder: Path) -> tuple[int, int]:
    """The id of a cgroup (v2) and its depth, the root's being 0.

    Raises:
        KernelError: it is no cgroup, or deeper than the programs look.

    """
    folder = folder.resolve()
    if not folder.is_relative_to(CGROUPS) or not (folder / "cgroup.procs").exists():
        raise KernelError(errno.ENOENT, f"{folder} is no cgroup below {CGROUPS}")
    depth = len(folder.relative_to(CGROUPS).parts)
    if depth >= LEVELS:
        raise KernelError(errno.E2BIG, f"{folder} is {depth} levels deep, {LEVELS - 1} at most are looked at")
    # the inode number is the id (fs/kernfs/mount.c, on 64 bits)
    return os.stat(folder).st_ino, depth  # noqa: PTH116  one field


def bytes_of(image: Image) -> int:
    """About the bytes of kernel memory that a policy takes."""
    entries = image.size * (KEY.size + VALUE_BYTES + _ENTRY_OVERHEAD)
    return entries + sum(len(automaton.rows) * STATE.size for automaton in image.automata.values())


def digest_of(entries: Mapping[int, bytes]) -> str:
    """sha256 over all entries, in the order of their keys."""
    return _digest(KEY.pack(key) + entries[key] for key in sorted(entries))


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()
