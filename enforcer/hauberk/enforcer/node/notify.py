"""Tells systemd that the daemon is ready, and that it still is (sd_notify(3)); without systemd, nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Notifier:
    """`READY=1`, `WATCHDOG=1`, `STOPPING=1` to who started this process."""

    def __init__(self) -> None:
        where = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + where[1:] if where.startswith("@") else where

    def say(self, what: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out, suppress(OSError):
            out.sendto(what.encode(), self._address)
