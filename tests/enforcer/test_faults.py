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


def test_a_program_that_the_verifier_refuses_is_no_matter_of_rights() -> None:
    log = [
        "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --",
        "combined stack size of 6 calls is 544. Too large",
        "processed 30634 insns (limit 1000000) max_states_per_insn 14 total_states 1956 peak_states 1499 mark_read 69",
        "-- END PROG LOAD LOG --",
    ]
    assert explained(KernelError(errno.EACCES, "load the programs", log)) == (
        "load the programs: Permission denied (EACCES): this kernel's verifier refuses one (combined stack size of 6 "
        "calls is 544. Too large): report it with the output under HAUBERK_DEBUG=1"
    )


def test_our_own_refusals_say_it_themselves() -> None:
    assert explained(NotOursError("a")) == "a"
    assert explained(TooLargeError("b")) == "b"


def test_waiting_is_said_after_two_seconds_and_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    show = waiting()
    for tenth in range(45):
        show(3, tenth / 10)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"waiting for the kernel to free 3 programs ({seconds} s)" for seconds in (2, 3, 4)]
