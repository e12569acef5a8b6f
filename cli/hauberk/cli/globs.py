"""Globs of hauberk.yaml: relative to its folder, whatever folder the command is run in."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from pathlib import Path


def anchored(patterns: Iterable[str], folder: str | Path) -> tuple[str, ...]:
    """Absolute globs for globs that are relative to the folder; absolute ones stay as they are.

    A relative glob holds in the folder itself and at any depth below it.
    """
    base = glob.escape(os.path.realpath(folder))
    made: list[str] = []
    for pattern in patterns:
        inner = os.path.normpath(pattern.removeprefix("**/"))
        made.append(os.path.normpath(os.path.join(base, inner)))  # noqa: PTH118  # a glob is no path
        if not inner.startswith(("/", "..")) and inner != ".":
            made.append(f"{base}/*/{inner}")
    return tuple(made)


def matched(path: str, globs: Iterable[str]) -> bool:
    """Whether an absolute glob names the path, or a folder above it."""
    compiled = _compiled(tuple(globs))
    return compiled is not None and compiled.match(_full(path)) is not None


@lru_cache(maxsize=64)
def _compiled(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(translate(text) for one in globs for text in (one, f"{one}/*"))) if globs else None


def _full(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100  # Path.absolute keeps `..`
    return f"{_real(folder)}/{name}"


@lru_cache(maxsize=4096)  # one look for each folder: one for each of ten thousand files takes longer than reading them
def _real(folder: str) -> str:
    return os.path.realpath(folder).rstrip("/")
