"""What tests share: where other people's data and the tools are, and how the command line is run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def missing(what: str) -> None:
    """Ends a test that cannot run: a failure in CI, where nothing may be skipped, else a skip that says why."""
    if os.environ.get("CI"):
        pytest.fail(f"this must run in CI: {what}")
    pytest.skip(what)


def shared(*parts: str) -> Path:
    """A file or folder of other people's data, beside the checkout or where HAUBERK_SHARED says."""
    folder = Path(os.environ.get("HAUBERK_SHARED") or ROOT.parent / "shared").joinpath(*parts)
    if not folder.exists():
        missing(f"{'/'.join(parts)} is not there: set HAUBERK_SHARED to the folder that holds corpus/ and conformance/")
    return folder


def opa() -> Path:
    """The real OPA that `make dev` built."""
    given = os.environ.get("HAUBERK_OPA", "")
    if not given or not Path(given).exists():
        missing("HAUBERK_OPA names no OPA binary: run `make test`, or `make dev` and set it")
    return Path(given)


@contextmanager
def ends(within: int = 300) -> Iterator[None]:
    """Fails what would go on for ever, such as a search whose steps double with each letter.

    It is no measure of speed: those are in benchmarks/. Machines of tests have much else to do.
    """

    def give_up(number: int, frame: object) -> None:
        raise AssertionError(f"no end within {within} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(within)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def hauberk(
    *arguments: str | Path, cwd: Path | None = None, given: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "hauberk.cli.main", *map(str, arguments)],
        cwd=cwd,
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def snapshot(folder: Path) -> Path:
    """A copy of this checkout's files as they are now: what would be built in it does not stay in the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder
