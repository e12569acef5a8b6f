"""Makes a set of programs and pins it: maps first, then programs, as many at a time as there are processors.

Verifying is what takes long, and the kernel does it for several programs at once (kernel/bpf/verifier.c: only what has
no privileges waits for its lock). None judges before all were verified.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

from hauberk.enforcer.kernel import symbols
from hauberk.enforcer.kernel.libbpf import Map, Object

NAME = "hauberk"
MOST_WORKERS = 4
"""Each holds the types of the kernel in memory while it loads, some 10 MB."""
_SINCE = {"hauberk_ftruncate": "bpf_lsm_file_truncate"}
"""Programs that older kernels do not have a place for: the function that tells (6.2; before, path_truncate serves)."""


def make(
    object_file: Path,
    folder: Path,
    prepare: Callable[[Object], None],
    pins: Mapping[str, str],
    workers: int | None = None,
) -> None:
    """All programs of an object at work, pinned below `folder`/links; `pins` of its maps below `folder`/maps, by map.

    `prepare` is given the object whose maps all will use, before these are made. Who fails leaves pins behind.

    Raises:
        KernelError: the kernel or libbpf refuses; with its last lines.
        OSError: the kernel's types cannot be read, or no folder can be made.

    """
    workers = workers or min(MOST_WORKERS, len(os.sched_getaffinity(0)))
    for name in ("maps", "links"):
        (folder / name).mkdir(mode=0o700, parents=True)
    # an interrupt is raised in the main thread only, and is lost where that is in a function that C calls: so it waits
    with ExitStack() as opened, ThreadPoolExecutor(workers, "hauberk-load") as pool:
        base = opened.enter_context(Object(str(object_file), NAME))
        prepare(base)
        for name in base.programs:
            base.leave_out(name)
        pool.submit(base.load).result()
        maps = {name: base.map(name) for name in base.map_names}
        for name, pin in pins.items():
            maps[name].pin(str(folder / "maps" / pin))
        names = [name for name in base.programs if name not in _SINCE or symbols.has_function(_SINCE[name])]
        # neighbours in the object are much alike, so that each part has about as much to do
        parts = [names[start::workers] for start in range(workers)]
        waiting = [pool.submit(loaded, object_file, maps, part) for part in parts]
        wait(waiting)
        done = [opened.enter_context(one.result()) for one in waiting if one.exception() is None]
        for one in waiting:
            one.result()
        for programs, part in zip(done, parts, strict=True):
            _attach(programs, part, folder / "links")


def loaded(object_file: Path, maps: Mapping[str, Map], names: Collection[str]) -> Object:
    """Some programs of an object, verified, to work on these maps. Raises KernelError."""
    programs = Object(str(object_file), NAME)
    try:
        for name, existing in maps.items():
            programs.reuse(name, existing)
        for name in programs.programs:
            if name not in names:
                programs.leave_out(name)
        programs.load()
    except BaseException:
        programs.close()
        raise
    return programs


def _attach(programs: Object, names: Iterable[str], folder: Path) -> None:
    for name in names:
        link = programs.attach(name)
        try:
            link.pin(str(folder / name))
        finally:
            link.release()
