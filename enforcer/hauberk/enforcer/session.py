"""The programs of this node as the commands use them: there or not, ours or not, with what was written down."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from hauberk.enforcer import state as states
from hauberk.enforcer.commands import check
from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.objectfile import fault

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.libbpf import Map
    from hauberk.enforcer.kernel.maps import Kernel

PINS = Path("/sys/fs/bpf/hauberk")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pins are, and where is written down what they enforce."""

    pins: Path = PINS
    state: Path = states.DEFAULT


@dataclass(frozen=True, slots=True)
class Session:
    """Programs at work; `fresh` when this command loaded them, `replaced` when it put them in the place of others."""

    kernel: Kernel
    records: Map
    rates: Map
    places: Places
    fresh: bool = False
    replaced: bool = False
    build: int = 0


def object_file() -> Path:
    """The object of this package."""
    find: Callable[[], Path] = import_module("hauberk.bpf").object_path
    return find()


@contextmanager
def adopted(places: Places, *, most_bytes: int = 512 << 20) -> Generator[Session | None]:
    """The programs that are pinned, None when none are."""
    from hauberk.enforcer.kernel import loader
    from hauberk.enforcer.kernel.maps import Kernel

    try:
        programs = loader.adopt(pins=places.pins)
    except FileNotFoundError:
        yield None
        return
    with programs:
        kernel = Kernel(programs, most_bytes=most_bytes)
        yield Session(kernel, programs.maps["records"], programs.maps["rates"], places, build=programs.build)


def refuse_if_lacking() -> None:
    """Before anything is touched.

    Raises:
        RefusedError: this node cannot enforce; with all that it lacks.

    """
    lacking = [finding for finding in check.run() if not finding.ok]
    if lacking:
        raise RefusedError("\n  ".join(f"{one.name}: {one.found}: {one.remedy}" for one in lacking))


@contextmanager
def at_work(places: Places, source: Path, *, most_bytes: int, replaces: bool = True) -> Generator[Session]:
    """The programs of `source`: those that are pinned, or loaded now; fresh ones go again when the block fails.

    Programs of another object, as an upgrade leaves them at work, are replaced without a moment between; with
    `replaces` false they stay. To be called with the state file locked, as it mends what was cut short.

    Raises:
        RefusedError: no pins can be made there, or `source` is no object of BPF code.

    """
    from hauberk.enforcer.kernel import loader
    from hauberk.enforcer.kernel.maps import Kernel

    if not loader.is_bpf_file_system(places.pins):
        raise RefusedError(f"{places.pins} is in no bpf file system: name a folder below {PINS.parent}")
    loader.mend(pins=places.pins)
    with adopted(places, most_bytes=most_bytes) as session:
        if session is not None and (not replaces or session.build == loader.build_of(source)):
            yield session
            return
    wrong = fault(source.read_bytes())
    if wrong:
        raise RefusedError(f"{source} {wrong}: install the package again, or build it with `make -C bpf`")
    if session is not None:
        loader.load(source, pins=places.pins).close()
        with adopted(places, most_bytes=most_bytes) as others:
            if others is None:
                raise RefusedError(f"{places.pins}: the programs were unloaded meanwhile: try again")
            yield replace(others, replaced=True)
        return
    with loader.load(source, pins=places.pins) as programs:
        try:
            kernel = Kernel(programs, most_bytes=most_bytes)
            yield Session(kernel, programs.maps["records"], programs.maps["rates"], places, fresh=True)
        except BaseException:
            loader.unload(pins=places.pins)
            raise
