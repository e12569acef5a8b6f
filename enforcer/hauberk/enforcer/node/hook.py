"""The hook of a container runtime and the daemon, over a socket that only root may use.

One line of JSON each way: the runtime's state of the container, and `{"ok": true}` or `{"error": ...}`. The daemon
answers when the container's policies are in the kernel.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hauberk.policy.loose import is_mapping
from hauberk.policy.problems import HauberkError

MOST_BYTES = 1 << 20
PATIENCE = 30.0
"""Seconds that a runtime waits: longer than any policy takes, shorter than an orchestrator's own patience."""

Answer = Callable[[Mapping[str, Any]], str]
"""A container's state -> "" when it is judged from now on, or why it is not."""


class Door:
    """Listens; each caller is served by a thread of its own."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path, self._answer = path, answer
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(before)
        self._socket.listen(64)
        threading.Thread(target=self._serve, name="hook", daemon=True).start()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(caller,), daemon=True).start()

    def _one(self, caller: socket.socket) -> None:
        with caller:
            caller.settimeout(PATIENCE)
            try:
                said = self._said(caller)
                caller.sendall(json.dumps({"error": said} if said else {"ok": True}).encode() + b"\n")
            except OSError:
                pass  # the caller went away: it has its own patience

    def _said(self, caller: socket.socket) -> str:
        _, uid, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != 0:
            return "only root may tell of containers"
        try:
            state = json.loads(_line(caller))
        except ValueError:
            return "no state of a container in JSON"
        return self._answer(state) if is_mapping(state) else "no state of a container in JSON"


def _line(of: socket.socket) -> bytes:
    """Up to the first newline.

    Raises:
        ValueError: there is none, or too much before it.

    """
    data = b""
    while b"\n" not in data:
        part = of.recv(65536)
        if not part or len(data) > MOST_BYTES:
            raise ValueError("no whole line")
        data += part
    return data


def told(path: Path, state: Mapping[str, Any]) -> None:
    """The other side: tells the daemon, and waits.

    Raises:
        HauberkError: the daemon is not there, or says no: the container is not to start.

    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as out:
        out.settimeout(PATIENCE)
        try:
            out.connect(str(path))
            out.sendall(json.dumps(state).encode() + b"\n")
            answer = json.loads(_line(out))
        except OSError as error:
            raise HauberkError(f"{path}: {error.strerror or error}: is `hauberk-enforcer run` at work?") from None
        except ValueError:
            raise HauberkError(f"{path}: the daemon went away without an answer") from None
    if not answer.get("ok"):
        raise HauberkError(f"not started: {answer.get('error', 'no reason given')}")
