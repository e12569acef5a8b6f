"""Loads, pins, adopts, replaces and removes the programs.

What enforces are pins below one folder of a bpf file system: links hold programs, maps hold policies, and both
outlive the process that made them. A set of programs is made aside and its folder renamed, so that a set is there
whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hauberk.enforcer.kernel import symbols
from hauberk.enforcer.kernel.errors import NotOursError
from hauberk.enforcer.kernel.hashing import Seed
from hauberk.enforcer.kernel.libbpf import Map, Object, is_loaded, program_of_link
from hauberk.enforcer.kernel.making import NAME, make
from hauberk.enforcer.kernel.wire import CONSTANTS, CONTAINER, KEY, SEED, SETTINGS, SLOT, VERSION, Fault

PINS = Path("/sys/fs/bpf/hauberk")
_CONSTANTS, _KERNEL = f"{NAME}.rodata", ".rodata.kernel"
SETTINGS_MAP = ".data.settings"
_SHAPES = {
    "policies": (SLOT.size, SLOT.size),
    "automata": (SLOT.size, SLOT.size),
    "containers": (KEY.size, CONTAINER.size),
    SETTINGS_MAP: (SLOT.size, SETTINGS.size),
    "records": (0, 0),
    "counters": (SLOT.size, KEY.size),
    "labels": (SLOT.size, 64),
    "rates": (16, 16),
    "hauberk.bss": (SLOT.size, KEY.size),
}
"""The maps that outlive a process: bytes of a key and of a value."""

NO_FAULT = Fault(0)
_LOCK = "rename_lock"
"""What the programs look at to see that no name changed while they walked (fs/dcache.c)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Entries of maps: chosen from what is to be enforced, as a map cannot grow."""

    workloads: int = 1024
    containers: int = 4096
    ring_bytes: int = 1 << 20
    rates: int = 16_384

    def of(self) -> dict[str, int]:
        return {
            "policies": self.workloads,
            # two domains have patterns, and a policy is built beside the one that it replaces
            "automata": 4 * self.workloads,
            "containers": self.containers,
            "records": self.ring_bytes,
            "rates": self.rates,
        }


@dataclass(frozen=True, slots=True)
class Programs:
    """A set of programs at work. Closing lets go of the file descriptors; what is pinned stays."""

    folder: Path
    maps: Mapping[str, Map]
    seed: Seed
    build: int
    """Of the object that they come from, see `build_of`."""

    def close(self) -> None:
        for one in self.maps.values():
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(
    object_file: Path,
    *,
    pins: Path = PINS,
    sizes: Sizes | None = None,
    fault: Fault = NO_FAULT,
    workers: int | None = None,
) -> Programs:
    """Loads, attaches and pins all programs; nothing stays behind when that fails.

    Where programs are at work already, the new ones take over their maps and secret, work beside them, and take
    their place: whatever was denied is denied at every moment. `fault` is for tests; `workers` are as many threads as
    there are processors, and not more than `making.MOST_WORKERS`.

    Raises:
        KernelError: the kernel or libbpf refuses; with its last lines.
        NotOursError: what is pinned there, or the object, is not ours, or of another version.
        OSError: the kernel's types cannot be read, or no pins can be made.

    """
    mend(pins=pins)
    fresh = _fresh(pins)
    with ExitStack() as opened:
        before = opened.enter_context(adopt(pins=pins)) if pins.exists() else None

        def prepare(programs: Object) -> None:
            if not {*_SHAPES, _CONSTANTS, _KERNEL} <= set(programs.map_names):
                raise NotOursError(f"{object_file} holds other programs than Hauberk's: install the package again")
            _prepare(programs, build_of(object_file), sizes or Sizes(), before, fault)

        try:
            make(object_file, fresh, prepare, {name: _pin_of(name) for name in (*_SHAPES, _CONSTANTS)}, workers)
            _put_in_place(fresh, pins)
        except BaseException:
            _remove(fresh)
            raise
    return adopt(pins=pins)


def look_ahead() -> threading.Thread:
    """Begins, in a thread, what `load` takes long for and what needs nothing else."""
    return symbols.look_ahead(_LOCK)


def build_of(object_file: Path) -> int:
    """A number of 32 bits that another object hardly has."""
    return int.from_bytes(hashlib.sha256(object_file.read_bytes()).digest()[:4], "little")


def _prepare(programs: Object, build: int, sizes: Sizes, before: Programs | None, fault: Fault) -> None:
    for name, entries in sizes.of().items():
        programs.set_entries(name, entries)
    secret = before.seed.pack() if before else secrets.token_bytes(SEED.size)
    programs.set_initial(_CONSTANTS, CONSTANTS.pack(VERSION, 1, fault, build, secret))
    programs.set_initial(_KERNEL, KEY.pack(symbols.address(_LOCK)))
    if before:
        for name, existing in before.maps.items():
            programs.reuse(name, existing)


def _fresh(pins: Path) -> Path:
    return pins.with_name(pins.name + "-new")


def _old(pins: Path) -> Path:
    return pins.with_name(pins.name + "-old")


def mend(*, pins: Path = PINS) -> None:
    """Puts right what a load that was cut short left: the set before it is in its place, and nothing beside it."""
    if not pins.exists() and _old(pins).exists():
        _old(pins).rename(pins)
    _remove(_fresh(pins))
    _remove(_old(pins))


def _put_in_place(fresh: Path, pins: Path) -> None:
    old = _old(pins)
    _remove(old)
    if pins.exists():
        pins.rename(old)
    fresh.rename(pins)
    _remove(old)


def adopt(*, pins: Path = PINS) -> Programs:
    """The programs that are pinned.

    Raises:
        FileNotFoundError: none are.
        NotOursError: a pin holds another kind of map, or the programs are of another version.

    """
    if not (pins / "maps").is_dir():
        if pins.exists() and any(pins.iterdir()):
            raise NotOursError(f"{pins} holds pins that are not ours: remove them, or name another folder")
        raise FileNotFoundError(errno.ENOENT, "no programs are loaded", str(pins))
    with ExitStack() as opened:
        constants = opened.enter_context(_pinned(pins, _CONSTANTS, (SLOT.size, CONSTANTS.size))).get(bytes(SLOT.size))
        version, _, _, build, secret = CONSTANTS.unpack(constants or bytes(CONSTANTS.size))
        if version != VERSION:
            raise NotOursError(
                f"{pins}: the programs have version {version}, this enforcer {VERSION}: unload them first"
            )
    maps: dict[str, Map] = {}
    with ExitStack() as opened:
        for name, shape in _SHAPES.items():
            maps[name] = opened.enter_context(_pinned(pins, name, shape))
        opened.pop_all()
    return Programs(pins, maps, Seed.of(secret), build)


def _pinned(pins: Path, name: str, shape: tuple[int, int]) -> Map:
    path = pins / "maps" / _pin_of(name)
    if not path.exists():
        raise NotOursError(f"{path} is missing: unload the programs and load them again")
    found = Map.pinned(str(path))
    if (found.key_size, found.value_size) != shape:
        found.close()
        raise NotOursError(
            f"{path} is another map than ours: keys of {found.key_size} bytes and values of {found.value_size}, "
            f"not {shape[0]} and {shape[1]}: unload the programs and load them again"
        )
    return found


def attached(*, pins: Path = PINS) -> tuple[str, ...]:
    """Names of the programs whose links are pinned: who removes such a pin ends its program."""
    folder = pins / "links"
    return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()


def program_ids(*, pins: Path = PINS) -> tuple[int, ...]:
    """Ids of all programs that pins hold, those of a load that was cut short included."""
    links = [path for folder in _folders(pins) for path in (folder / "links").glob("*")]
    return tuple(program_of_link(str(path)) for path in links)


def still_loaded(programs: Iterable[int]) -> tuple[int, ...]:
    """Those that the kernel has not freed yet: it does so some time after their last pin went."""
    return tuple(number for number in programs if is_loaded(number))


def unload(*, pins: Path = PINS) -> bool:
    """Ends enforcement: no pin is left, and with them no program and no map. Whether there was anything.

    Raises:
        NotOursError: there are pins of others; nothing is removed.

    """
    there = False
    for folder in _folders(pins):
        if folder.exists():
            there = True
            strangers = sorted({path.name for path in folder.iterdir()} - {"links", "maps"})
            if strangers:
                raise NotOursError(
                    f"{folder} holds pins that are not ours ({', '.join(strangers)}): nothing is removed"
                )
    for folder in _folders(pins):
        _remove(folder)
    return there


def _folders(pins: Path) -> tuple[Path, ...]:
    return pins, _fresh(pins), _old(pins)


def _remove(folder: Path) -> None:
    # links first: a program without its maps would still run
    if (folder / "links").exists():
        shutil.rmtree(folder / "links")
    if folder.exists():
        shutil.rmtree(folder)


def _pin_of(name: str) -> str:
    # a bpf file system takes no dots
    return name.replace(".", "_")


def is_bpf_file_system(path: Path) -> bool:
    """Whether pins can be made below `path` (magic number: uapi/linux/magic.h, BPF_FS_MAGIC)."""
    with Path("/proc/self/mounts").open(encoding="utf-8", errors="surrogateescape") as mounts:
        kinds = {fields[1]: fields[2] for fields in map(str.split, mounts)}
    while str(path) not in kinds and path != path.parent:
        path = path.parent
    return kinds.get(str(path)) == "bpf" and os.access(path, os.W_OK)
