"""One guest for each kernel, one at a time, shared by all modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.guest import Guest
from support.keeper import Keeper
from support.kernels import KERNELS
from support.payload import packages


@pytest.fixture(scope="session", params=KERNELS)
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    found = Keeper(request.param, packages())
    yield found
    found.close()


@pytest.fixture
def guest(keeper: Keeper) -> Guest:
    """A guest of each kernel. What a test leaves there, the next one finds."""
    return keeper.guest()
