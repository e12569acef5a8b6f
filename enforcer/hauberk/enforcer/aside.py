"""Files that are whole or not there: written beside their name, then renamed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def folder_of(path: Path) -> None:
    """The folder of a file of ours; nobody else may look into it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(path: Path, data: bytes) -> None:
    """All of `data`, readable by nobody else; raises OSError, and leaves what was there before."""
    folder_of(path)
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, no path
            file.write(data)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
