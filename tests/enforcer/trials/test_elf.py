"""The smallest program runs here, and the loader of a program is found."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from hauberk.enforcer.trials.elf import exiting, loader_of


def test_it_runs_and_succeeds(tmp_path: Path) -> None:
    program = exiting(platform.machine())
    assert program is not None
    assert len(program) < 200
    (tmp_path / "program").write_bytes(program)
    (tmp_path / "program").chmod(0o700)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 0


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_it_is_of_the_machine(machine: str, number: int) -> None:
    program = exiting(machine)
    assert program is not None
    assert int.from_bytes(program[18:20], "little") == number
    assert loader_of(program) is None


def test_other_machines_have_none() -> None:
    assert exiting("riscv64") is None


def test_the_loader_of_this_interpreter() -> None:
    loader = loader_of(Path(sys.executable).resolve().read_bytes())
    assert loader is None or Path(loader).exists()
