"""What the other tests of this folder rely on: guests boot, and run what they are told."""

from __future__ import annotations

import pytest

from support.guest import Guest
from support.kernels import Kernel

pytestmark = pytest.mark.guest


def test_the_kernel_is_the_one_that_was_asked_for(guest: Guest) -> None:
    assert guest.run(["uname", "-r"]).checked().strip() == Kernel.named(guest.kernel).release
