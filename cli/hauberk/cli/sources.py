"""Paths of the command line -> texts to lint. Nothing is followed out of the folders that were named."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from hauberk.policy.problems import HauberkError

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE = 64 * 1024 * 1024
_SKIPPED_FOLDERS = frozenset((".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__", ".tox"))
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes under the name that messages use; `trouble` says why they could not be read."""

    path: str
    data: bytes
    trouble: str = ""


def is_markdown(path: str) -> bool:
    return path.endswith((".md", ".markdown"))


def find(paths: Sequence[str], *, markdown: bool, exclude: Sequence[str]) -> list[str]:
    """Files below the given paths, each once, in a stable order; a file that is named is taken whatever its suffix.

    Raises HauberkError for a path that does not exist.
    """
    suffixes = (*SUFFIXES, ".md", ".markdown") if markdown else SUFFIXES
    found: dict[str, None] = {}
    for given in paths:
        if given == STDIN:
            found[STDIN] = None
            continue
        path = Path(given)
        if path.is_dir():
            found.update(dict.fromkeys(_below(given, suffixes)))
        elif path.exists():
            found[path.as_posix()] = None
        else:
            raise HauberkError(f"{given}: no such file or folder")
    return [path for path in found if not excluded(path, exclude)]


def excluded(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path, pattern) or fnmatch(path, f"*/{pattern}") for pattern in patterns)


def _below(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED_FOLDERS:
                yield from _below(entry.path, suffixes)
        elif entry.name.endswith(suffixes) and entry.is_file():
            yield Path(entry.path).as_posix()


def read(path: str) -> Source:
    """The file's bytes; what cannot be read is said in the source, so that the other files are still linted."""
    try:
        if path == STDIN:
            return Source("<stdin>", sys.stdin.buffer.read(MAX_FILE + 1))
        with open(path, "rb") as file:  # noqa: PTH123  # half the time of Path.open on ten thousand files
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        return Source(path, b"", f"cannot be read: {error.strerror}")
    if len(data) > MAX_FILE:
        return Source(path, b"", f"is over {MAX_FILE // 1024 // 1024} MiB: not read")
    return Source(path, data)
