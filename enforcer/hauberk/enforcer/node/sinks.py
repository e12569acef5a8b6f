"""Where alerts go. One that cannot be written is counted, never waited for: enforcement does not hang on a reader."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from hauberk.policy.problems import HauberkError

_UNIX = "unix:"


class Sink:
    """Lines to a file, to standard output or to a socket."""

    def __init__(self, send: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._send, self.close = send, close
        self.written = 0
        self.lost = 0
        self.reason = ""

    def write(self, line: str) -> None:
        try:
            self._send(line.encode() + b"\n")
        except OSError as error:
            self.lost += 1
            self.reason = error.strerror or str(error)
        else:
            self.written += 1


def opened(where: str) -> Sink:
    """`-` is standard output, `unix:PATH` a datagram socket that somebody listens on, anything else a file.

    Raises:
        HauberkError: the file cannot be made.

    """
    if where == "-":

        def show(line: bytes) -> None:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

        return Sink(show, lambda: None)
    if where.startswith(_UNIX):
        path = where.removeprefix(_UNIX)
        out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # connected anew for each: who listens may come later, and come again
        return Sink(lambda line: _sent(out, line, path), out.close)
    try:
        descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HauberkError(f"--alerts {where}: {error.strerror}") from None
    return Sink(_File(Path(where), descriptor).write, lambda: os.close(descriptor))


def _sent(out: socket.socket, line: bytes, path: str) -> None:
    out.sendto(line, path)


class _File:
    """Whole lines only: what a full disk took half of is taken back."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def write(self, line: bytes) -> None:
        taken = os.write(self._descriptor, line)
        if taken < len(line):
            end = os.fstat(self._descriptor).st_size
            os.ftruncate(self._descriptor, end - taken)
            raise OSError(28, "No space left on device")
