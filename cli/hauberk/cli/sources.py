"""Paths of the command line -> texts to lint.

Links are not followed out of the folders that were named; a file that is named itself is the user's choice.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hauberk.cli.globs import anchored, matched
from hauberk.policy.problems import HauberkError

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE = 64 * 1024 * 1024
SKIPPED_FOLDERS = frozenset((".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__", ".tox"))
STDIN = "-"

# where pipes of the shell are, `<(helm template .)`; elsewhere a pipe or a device is a trap
_PIPES = ("/dev/", "/proc/")
# control characters, and bytes that are no UTF-8 (Python keeps them as lone surrogates that no output can encode)
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes under the name that messages use; `trouble` says why they could not be read."""

    path: str
    data: bytes
    trouble: str = ""


def is_markdown(path: str) -> bool:
    return path.endswith((".md", ".markdown"))


def suffixes(*, markdown: bool) -> tuple[str, ...]:
    return (*SUFFIXES, ".md", ".markdown") if markdown else SUFFIXES


def displayed(path: str) -> str:
    r"""The path as messages show it: every byte that cannot be shown is `\xNN`."""
    return _UNSHOWN.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", path)


def find(paths: Sequence[str], *, markdown: bool, exclude: Sequence[str]) -> list[str]:
    """Files below the given paths, in a stable order; a file that is named is taken whatever its suffix.

    However often and under however many names a file is reached, it is taken once, under the first of them.
    Raises HauberkError for a path that does not exist.
    """
    found: dict[str, str] = {}
    for given in paths:
        if given == STDIN:
            found.setdefault(STDIN, STDIN)
        elif os.path.isdir(given):  # noqa: PTH112  # Path.is_dir raises for what may not be looked at
            for name, real in _below(given, suffixes(markdown=markdown)):
                found.setdefault(real, name)
        elif os.path.exists(given):  # noqa: PTH110  # likewise
            name = Path(given).as_posix()
            found.setdefault(os.path.realpath(given), f"./{name}" if name == STDIN else name)
        else:
            raise HauberkError(f"{displayed(given)}: no such file or folder")
    globs = anchored(exclude, ".")
    return [name for name in found.values() if not matched(name, globs)]


def _below(folder: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Name and real path of each file; a folder that cannot be listed comes as if it were one: reading it says why."""
    top = os.path.realpath(folder)
    name = Path(folder).as_posix()
    # a stack and no recursion: folders may be nested deeper than Python's calls
    waiting: list[tuple[str, str, os.DirEntry[str] | None]] = [("" if name == "." else name, top, None)]
    while waiting:
        name, real, entry = waiting.pop()
        if entry is None:
            try:
                with os.scandir(real) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name, reverse=True)
            except OSError:
                yield name or ".", real
                continue
            start, below = (f"{name.rstrip('/')}/" if name else ""), real.rstrip("/")
            for one in entries:
                if not one.is_dir(follow_symlinks=False):
                    if one.name.endswith(wanted):
                        waiting.append((start + one.name, f"{below}/{one.name}", one))
                elif one.name not in SKIPPED_FOLDERS:
                    waiting.append((start + one.name, f"{below}/{one.name}", None))
        elif (taken := _taken(entry, real, top)) is not None:
            yield name, taken


def _taken(entry: os.DirEntry[str], real: str, top: str) -> str | None:
    """The real path of a file that is to be read, None for a pipe, a device, or a link that leads out of the folder."""
    if not entry.is_symlink():
        return real if entry.is_file(follow_symlinks=False) else None
    real = os.path.realpath(real)
    if not inside(real, top):
        return None
    try:
        return real if entry.is_file() else None
    except OSError:  # a link that leads to itself: reading says so
        return real


def inside(real: str, folder: str) -> bool:
    """Whether a real path is the folder or below it."""
    return real == folder or real.startswith(f"{folder.rstrip('/')}/")


def read(path: str) -> Source:
    """The file's bytes; what cannot be read is said in the source, so that the other files are still linted."""
    if path == STDIN:
        return _bounded("<stdin>", sys.stdin.buffer.read(MAX_FILE + 1))
    shown = displayed(path)
    try:
        # not blocking: a pipe without a writer must not stop the run before it is known to be one
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                if not path.startswith(_PIPES):
                    return Source(shown, b"", "is not a regular file: not read")
                os.set_blocking(descriptor, True)
            return _bounded(shown, _all(descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        return Source(shown, b"", f"cannot be read: {error.strerror}")


def _all(descriptor: int) -> bytes:
    """Everything, or one byte more than is allowed."""
    parts: list[bytes] = []
    left = MAX_FILE + 1
    while left and (part := os.read(descriptor, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _bounded(shown: str, data: bytes) -> Source:
    if len(data) > MAX_FILE:
        return Source(shown, b"", f"is over {MAX_FILE // 1024 // 1024} MiB: not read")
    return Source(shown, data)
