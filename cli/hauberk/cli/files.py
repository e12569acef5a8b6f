"""Writing files: the whole text or nothing."""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from pathlib import Path

from hauberk.policy.problems import HauberkError

# opened by these names they would begin anew, and cut what the shell appends to (`>> log`)
_OPEN_ALREADY = re.compile(r"/(?:dev|proc/self)/fd/(\d+)\Z")


def write(path: str | Path, text: str) -> None:
    """Written aside, then renamed; a link stays a link, the mode of an existing file is kept.

    `-` is standard output. What is no regular file (a pipe, /dev/null) is written to and never replaced.
    """
    name = {"-": "/dev/fd/1", "/dev/stdout": "/dev/fd/1", "/dev/stderr": "/dev/fd/2"}.get(str(path), str(path))
    if name == "/dev/fd/1":
        sys.stdout.write(text)
        return
    try:
        if found := _OPEN_ALREADY.match(name):
            _fill(os.dup(int(found[1])), text)
        else:
            _write(os.path.realpath(name), text)
    except OSError as error:
        raise HauberkError(f"{path}: cannot be written: {error.strerror}") from None


def _write(target: str, text: str) -> None:
    try:
        mode = os.stat(target).st_mode  # noqa: PTH116
    except FileNotFoundError:
        _replace(target, text, None)
        return
    if stat.S_ISREG(mode):
        _replace(target, text, stat.S_IMODE(mode))
    else:
        _fill(os.open(target, os.O_WRONLY | os.O_CLOEXEC), text)


def _replace(target: str, text: str, mode: int | None) -> None:
    """A new file gets what the umask leaves; one that replaces another is nobody else's before it has its mode."""
    aside = f"{os.path.dirname(target)}/.hauberk-{secrets.token_hex(8)}"  # noqa: PTH120
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        _fill(descriptor, text)
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _fill(descriptor: int, text: str) -> None:
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
