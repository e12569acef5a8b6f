"""What is wanted -> the kernel, by the fewest steps; what was there before stays where a step fails."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hauberk.enforcer import state as states
from hauberk.enforcer.faults import explained
from hauberk.enforcer.groups import Tree, exists
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.errors import KernelError, TooLargeError
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.node.wanted import NODE, Cause, Failure, Wanted
from hauberk.enforcer.state import Group, Held, State

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.maps import Kernel

NODE_SLOT = 0
_OTHERS = "its entries in the kernel are others than those of its policies"
_PASSING = {errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.EINTR}
"""What a kernel says that may take the same a moment later."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How many policies were swapped and cgroups registered or left; why some could not be, by id of the container."""

    swapped: int = 0
    registered: int = 0
    removed: int = 0
    failed: Mapping[str, Failure] = field(default_factory=dict[str, Failure])

    @property
    def changed(self) -> bool:
        return bool(self.swapped or self.registered or self.removed)


@dataclass(frozen=True, slots=True)
class Tampering:
    """What somebody changed in the kernel; `place` is the id of a container or `NODE`, "" for all that is judged."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


@dataclass(slots=True)
class _Place:
    slot: int
    group: Group | None
    wanted: Wanted | None
    """None for what was adopted and is not known to be wanted."""


class Applier:
    """Owns all slots of a set of programs, and the file that says what they hold.

    `attached` names the programs that judge; `mended` says which other pins differ, and puts each right.
    """

    def __init__(
        self,
        kernel: Kernel,
        path: Path,
        programs: tuple[str, ...],
        attached: Callable[[], tuple[str, ...]],
        mended: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._kernel = kernel
        self._path = path
        self._attached, self._mended = attached, mended
        self._state = replace(states.read(path) or State(), programs=programs)
        self._written: State | None = None
        """What the file has; None while that may be anything."""
        self._places: dict[str, _Place] = {}
        self._idle: dict[int, _Place] = {}
        """By id of a cgroup that is there and that no policy means now: its tasks keep their label, and so the slot."""
        self._images: dict[tuple[int, int], Image] = {}
        self._adopted = False
        self.found: list[Tampering] = []
        """What had been changed before this was made, or while it adopted."""

    def apply(self, wanted: Mapping[str, Wanted]) -> Applied:
        """The kernel holds what is wanted, as far as it takes it.

        Raises:
            HauberkError: what is enforced cannot be written down.

        """
        if not self._adopted:
            self._adopt(wanted)
        removed = self._remove(wanted)
        self._forget_idle()
        swapped = registered = 0
        failed: dict[str, Failure] = {}
        for one in wanted.values():
            try:
                did = self._put(one)
            except (KernelError, TooLargeError) as error:
                failed[one.id] = Failure(_why(error), explained(error))
                continue
            swapped += did[0]
            registered += did[1]
        self._adopted = True
        if self._state is not self._written:
            self._write()
        return Applied(swapped, registered, removed, failed)

    def image(self, slot: int, version: int) -> Image | None:
        """The rules that records of a version count by."""
        found = self._images.get((slot, version))
        if found is None:
            held = self._state.slots.get(slot)
            generation = held.of(version) if held else None
            if generation is None:
                return None
            found = self._images[slot, version] = encode(generation.compiled())
        return found

    @property
    def state(self) -> State:
        """What is written down of what is enforced."""
        return self._state

    def at(self, slot: int) -> Wanted | None:
        """What is enforced in a slot."""
        return next((place.wanted for place in tuple(self._places.values()) if place.slot == slot), None)

    def slots(self) -> dict[str, int]:
        """By the id of a container that is enforced."""
        return {name: place.slot for name, place in self._places.items() if place.wanted}

    def comparisons(self) -> Iterator[Iterator[Tampering]]:
        """What differs from what was written, in parts that fail each by itself; each is said, then put right."""
        registered = self._kernel.containers()
        yield self._settings()
        yield (Tampering("", said) for said in self._mended())
        yield from (self._compared(name, registered) for name in tuple(self.slots()))
        yield self._around(registered)

    def _settings(self) -> Iterator[Tampering]:
        if self._kernel.settings_differ():
            yield Tampering("", "the settings in the kernel are others than those of the daemon")
            self._kernel.restore_settings()

    def _compared(self, name: str, registered: Mapping[int, int]) -> Iterator[Tampering]:
        place = self._places.get(name)
        if place is None or place.wanted is None:
            return
        if not self._kernel.holds(place.slot, place.wanted.image):
            yield Tampering(name, _OTHERS)
            self._swap(place.slot, place.wanted)
            self._write()
        if place.group is not None and registered.get(place.group.id) != place.slot:
            yield Tampering(name, "its cgroup is not registered any more")
            self._kernel.register(Path(place.group.path), place.slot)

    def _around(self, registered: Mapping[int, int]) -> Iterator[Tampering]:
        """Cgroups that somebody registered around those of containers: the outermost counts (identity.bpf.h)."""
        mine = {place.group.id for place in (*self._places.values(), *self._idle.values()) if place.group}
        others = registered.keys() - mine
        if not others:
            return
        there = Tree().ids()
        for number in sorted(others):
            path = there.get(number)
            for name, place in self._places.items():
                if path is not None and place.group is not None and place.group.path.startswith(f"{path}/"):
                    yield Tampering(name, f"{path}, which it is in, was given to another workload")
                    self._kernel.unregister(number)

    def detached(self) -> list[str]:
        """Programs that do not judge any more: somebody removed their links."""
        now = self._attached()
        return [name for name in self._state.programs if name not in now]

    # -- steps

    def _write(self) -> None:
        self._written = None
        states.write(self._path, self._state)
        self._written = self._state

    def _adopt(self, wanted: Mapping[str, Wanted]) -> None:
        """What an earlier daemon enforced on a container goes on under its slot; all else is removed."""
        registered = self._kernel.containers()
        slots = set(self._kernel.slots())
        for one in wanted.values():
            slot = NODE_SLOT if one.group is None else registered.get(one.group.id)
            if slot is None or slot not in slots:
                continue
            held = self._state.slots.get(slot)
            known = held is not None and _same(held, one) and self._kernel.holds(slot, one.image)
            # not by what they should be now: another version of this package may have written other ones
            if held is not None and held.now.digest not in ("", self._kernel.digest(slot)):
                self.found.append(Tampering(one.id, _OTHERS))
            self._places[one.id] = _Place(slot, one.group, one if known else None)
            if known:
                self._images[slot, self._kernel.version(slot)] = one.image
        kept = {place.slot for place in self._places.values()}
        there = Tree().ids() if any(slot not in kept for slot in registered.values()) else {}
        for number, slot in registered.items():
            if slot not in kept:
                self._idle[number] = _Place(slot, Group(number, there.get(number, "")), None)
        for slot in slots - kept:
            self._kernel.clear_policy(slot)
        groups = [Path(place.group.path) for place in self._places.values() if place.group]
        self._kernel.expect(groups, node=NODE_SLOT in kept)
        self._state = replace(
            self._state, slots={slot: held for slot, held in self._state.slots.items() if slot in kept}
        )

    def _remove(self, wanted: Mapping[str, Wanted]) -> int:
        # a container that started again under its name has another cgroup
        gone = [
            name
            for name, place in self._places.items()
            if name not in wanted or (place.group is not None and place.group != wanted[name].group)
        ]
        for name in gone:
            place = self._places.pop(name)
            if place.group is not None:
                self._idle[place.group.id] = place
            self._kernel.clear_policy(place.slot)
            slots = dict(self._state.slots)
            slots.pop(place.slot, None)
            self._state = replace(self._state, slots=slots)
            self._images = {key: image for key, image in self._images.items() if key[0] != place.slot}
        return len(gone)

    def _forget_idle(self) -> None:
        """Cgroups that are gone, and with them all their tasks."""
        for number, place in list(self._idle.items()):
            if place.group is None or not exists(place.group):
                self._kernel.unregister(number)
                del self._idle[number]

    def _put(self, one: Wanted) -> tuple[int, int]:
        """Whether a policy was swapped in, and whether a cgroup was registered."""
        place = self._places.get(one.id)
        if place is not None and place.wanted is not None and place.wanted.key == one.key:
            return 0, 0
        if place is not None:
            self._swap(place.slot, one)
            place.wanted = one
            return 1, 0
        idle = self._idle.pop(one.group.id, None) if one.group else None
        slot = NODE_SLOT if one.group is None else idle.slot if idle else self._kernel.free_slot()
        self._swap(slot, one)
        try:
            if one.group is not None and idle is None:
                self._kernel.register(Path(one.group.path), slot)
        except BaseException:
            self._kernel.clear_policy(slot)
            slots = dict(self._state.slots)
            del slots[slot]
            self._state = replace(self._state, slots=slots)
            if one.group is not None and not exists(one.group):
                return 0, 0  # it has ended meanwhile: the next list of containers is without it
            raise
        self._places[one.id] = _Place(slot, one.group, one)
        return 1, int(one.id != NODE)

    def _swap(self, slot: int, one: Wanted) -> None:
        self._kernel.set_policy(slot, one.image)
        version = self._kernel.version(slot)
        self._images[slot, version] = one.image
        generation = replace(one.generation, version=version, digest=self._kernel.digest(slot))
        groups = () if one.group is None else (one.group,)
        held = self._state.slots.get(slot)
        now = held.followed_by(generation, groups) if held and held.groups == groups else Held(groups, (generation,))
        self._state = self._state.with_slot(slot, now)
        # images of versions that records may still be of
        known = {(slot, one.version) for one in now.generations}
        self._images = {key: image for key, image in self._images.items() if key[0] != slot or key in known}


def _why(error: KernelError | TooLargeError) -> Cause:
    if isinstance(error, TooLargeError):
        return Cause.CAPACITY
    return Cause.PENDING if error.errno in _PASSING else Cause.KERNEL


def _same(held: Held, one: Wanted) -> bool:
    return replace(held.now, version=0, digest="") == one.generation
