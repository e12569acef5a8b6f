"""Failures of the kernel, in one line that says what to do."""

from __future__ import annotations

import errno

import pytest

from hauberk.enforcer.faults import explained
from hauberk.enforcer.kernel.errors import KernelError, NotOursError, TooLargeError
from hauberk.enforcer.progress import waiting


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EPERM, "load the programs: Operation not permitted (EPERM): run it as root"),
        (errno.ENOMEM, "load the programs: Cannot allocate memory (ENOMEM): the kernel has no memory for it"),
        (errno.E2BIG, "load the programs: Argument list too long (E2BIG): this kernel's verifier gave up"),
        (errno.EBADF, "load the programs: Bad file descriptor (EBADF): `hauberk-enforcer check` says"),
        (4003, "load the programs: it is no object that libbpf can read: install the package again"),
    ],
)
def test_one_line_and_what_to_do(number: int, said: str) -> None:
    found = explained(KernelError(number, "load the programs", ["libbpf: prog 'x': -- BEGIN PROG LOAD LOG --"]))
    assert found.startswith(said)
    assert "\n" not in found


def test_our_own_refusals_say_it_themselves() -> None:
    assert explained(NotOursError("a")) == "a"
    assert explained(TooLargeError("b")) == "b"


def test_waiting_is_said_after_two_seconds_and_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    show = waiting()
    for tenth in range(45):
        show(3, tenth / 10)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"waiting for the kernel to free 3 programs ({seconds} s)" for seconds in (2, 3, 4)]
