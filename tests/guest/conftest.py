"""One guest for each kernel, one at a time, shared by all modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.guest import Guest
from support.kernels import KERNELS
from support.payload import packages
from support.qemu import Payload


class Keeper:
    """Boots a guest when a test needs one: at first, and after one that died."""

    def __init__(self, kernel: str, payload: Payload) -> None:
        self.kernel = kernel
        self._payload = payload
        self._guest: Guest | None = None

    def guest(self) -> Guest:
        if self._guest is None or not self._guest.alive:
            self.close()
            self._guest = Guest.boot(self.kernel, self._payload)
        return self._guest

    def close(self) -> None:
        if self._guest is not None:
            self._guest.close()


@pytest.fixture(scope="session", params=KERNELS)
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    found = Keeper(request.param, packages())
    yield found
    found.close()


@pytest.fixture
def guest(keeper: Keeper) -> Guest:
    """A guest of each kernel. What a test leaves there, the next one finds."""
    return keeper.guest()
