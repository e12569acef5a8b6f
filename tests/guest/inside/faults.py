"""Runs in a guest: accesses that something goes wrong with; prints the errno of each, 0 for success.

usage: python3 faults.py GROUP deep FOLDER DEPTH... | GROUP detached FOLDER | GROUP flood PATH TIMES
| GROUP open|mkdir PATH | GROUP rename|link PATH PATH
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

_OPEN_TREE = 428
_CLONE = 1
_AT_FDCWD = -100


def enter(group: str) -> None:
    Path("/sys/fs/cgroup", group, "cgroup.procs").write_text(str(os.getpid()))


def opened(path: str, within: int | None = None) -> int:
    try:
        os.close(os.open(path, os.O_RDONLY, dir_fd=within))
    except OSError as error:
        return error.errno or -1
    return 0


def deep(group: str, folder: str, *depths: str) -> Iterator[int]:
    """A file below each number of folders, counted from the root; longer paths than a system call takes."""
    os.chdir(folder)
    at = {len(Path(folder).parts) - 1: os.open(".", os.O_PATH)}
    for depth in range(min(at) + 1, max(map(int, depths)) + 1):
        Path("d").mkdir(exist_ok=True)
        os.chdir("d")
        Path("file").touch()
        at[depth] = os.open(".", os.O_PATH)
    enter(group)
    yield from (opened("file", at[int(depth)]) for depth in depths)


def detached(group: str, folder: str) -> Iterator[int]:
    """In a copy of a mount that has no place in any namespace, and where it stands."""
    enter(group)
    tree = ctypes.CDLL(None).syscall(_OPEN_TREE, _AT_FDCWD, folder.encode(), _CLONE)
    assert tree >= 0
    yield opened("file", tree)
    yield opened(f"{folder}/file")


def flood(group: str, path: str, times: str) -> Iterator[int]:
    """How often, and each errno that came out."""
    enter(group)
    found = Counter(opened(path) for _ in range(int(times)))
    for number, count in found.items():
        yield count
        yield number


def once(group: str, what: str, *paths: str) -> Iterator[int]:
    enter(group)
    try:
        getattr(os, what)(*paths)
    except OSError as error:
        yield error.errno or -1
    else:
        yield 0


def main() -> None:
    group, what, *arguments = sys.argv[1:]
    doing: dict[str, Callable[..., Iterator[int]]] = {"deep": deep, "detached": detached, "flood": flood}
    if what == "open":
        enter(group)
        print(opened(arguments[0]))
    elif what in doing:
        print(*doing[what](group, *arguments))
    else:
        print(*once(group, what, *arguments))


main()
