"""Resolving a path inside an image as the kernel would, without ever leaving its root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.policy.images import FileEntry, FileKind, Image

MAX_LINKS = 40
"""MAXSYMLINKS of the kernel (include/linux/namei.h): one more is ELOOP."""

MAX_PATH = 4096
"""PATH_MAX in bytes, the final NUL included."""

_MAX_FOLDERS = 256
"""Of PATH: manifests are not trusted, and nobody writes as many."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a path leads: `path` without links, `entry` None when nothing is there, `links` how many were followed."""

    path: str
    entry: FileEntry | None
    links: int


def resolve(image: Image, path: str, start: str = "/") -> Resolved | None:
    """Follows every link, the last too. None for a loop, and for a path that leads through what is no directory.

    What is missing keeps its name below the part that exists. `start` is the directory of a relative path.
    """
    if len(path) >= MAX_PATH:
        return None
    waiting = _components(path if path.startswith("/") else f"{start}/{path}")
    done: list[str] = []
    entry: FileEntry | None = FileEntry(FileKind.DIRECTORY)
    links = 0
    while waiting:
        name = waiting.pop(0)
        if entry is not None and entry.kind is not FileKind.DIRECTORY:
            return None
        if name == ".":
            continue
        if name == "..":
            if entry is None:
                return None
            done = done[:-1]
            continue
        done.append(name)
        entry = image.entry("/" + "/".join(done)) if entry is not None else None
        if entry is not None and entry.kind is FileKind.LINK:
            links += 1
            target = entry.target
            if links > MAX_LINKS or not target or len(target) + sum(map(len, waiting)) >= MAX_PATH:
                return None
            done = [] if target.startswith("/") else done[:-1]
            waiting = [*_components(target), *waiting]
            entry = FileEntry(FileKind.DIRECTORY)
    return Resolved("/" + "/".join(done), entry, links)


def file_at(image: Image, path: str, start: str = "/") -> Resolved | None:
    """As `resolve`, where it leads to a regular file; None for all else."""
    found = resolve(image, path, start)
    return found if found and found.entry and found.entry.kind is FileKind.FILE else None


def find_program(image: Image, name: str, path: str, start: str) -> Resolved | None:
    """The file that runs by this name, as execvp looks it up; None when there is none.

    `path` is a list of folders with colons, `start` the working directory.
    """
    if "/" in name:
        return file_at(image, name, start)
    for folder in path.split(":", _MAX_FOLDERS)[:_MAX_FOLDERS]:
        found = resolve(image, f"{folder or '.'}/{name}", start)
        if found and found.entry and found.entry.executable:
            return found
    return None


def below(path: str, folders: Sequence[str]) -> bool:
    """Whether a path is one of the folders or in one."""
    return any(f"{path}/".startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _components(path: str) -> list[str]:
    """A slash at the end is as `/.`: what stands before it must be a directory."""
    parts = [part for part in path.split("/") if part]
    return [*parts, "."] if path.endswith("/") else parts
