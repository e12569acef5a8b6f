"""Keeps one guest for many tests."""

from __future__ import annotations

from support.guest import Guest
from support.qemu import Payload


class Keeper:
    """Boots a guest when a test needs one: at first, and after one that died."""

    def __init__(self, kernel: str, payload: Payload) -> None:
        self._kernel = kernel
        self._payload = payload
        self._guest: Guest | None = None

    def guest(self) -> Guest:
        if self._guest is None or not self._guest.alive:
            self.close()
            self._guest = Guest.boot(self._kernel, self._payload)
        return self._guest

    def close(self) -> None:
        if self._guest is not None:
            self._guest.close()
