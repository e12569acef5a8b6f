"""One run of `opa`: no environment, bounded memory and time, and OPA's own words for what went wrong.

Rules get no network, no environment and no files: the functions that reach out are taken from the capabilities they are
compiled with (`bundle`), and the facts come through a pipe.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from hauberk.policy.problems import HauberkError

# OPA itself takes less than 200 MiB. Its address space says nothing, as Go reserves more than a gibibyte at its start.
MEMORY = 1 << 30
PATIENCE = 60.0  # for what is done once, before the rules are asked
# The threads of a large machine have stacks that count as well, and Go's collector should try before the limit ends it
_ENVIRONMENT = {"HOME": "/", "GOMAXPROCS": "4", "GOMEMLIMIT": f"{MEMORY * 3 // 4}"}


def run(opa: Path, command: list[str], given: bytes, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """The finished process; subprocess.TimeoutExpired when it had to be ended."""
    with subprocess.Popen(
        [str(opa), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
    ) as process:
        _limit(process.pid)
        try:
            output, errors = process.communicate(given, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def finished(opa: Path, command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """As `run`, for what the user waits for before anything is read."""
    try:
        return run(opa, command, b"", PATIENCE)
    except subprocess.TimeoutExpired:
        raise HauberkError(f"`opa {command[0]}` did not end within {PATIENCE:.0f} s") from None
    except OSError as error:
        raise HauberkError(f"{opa} cannot be run: {error.strerror}; name OPA with --opa") from None


def _limit(process: int) -> None:
    """After the start and not in the child before it: Python code there is not safe beside other threads.

    The rules are evaluated after the facts came through the pipe, which are sent after this.
    """
    if sys.platform == "linux":  # no other system limits another process
        with suppress(OSError):  # it has ended already
            resource.prlimit(process, resource.RLIMIT_DATA, (MEMORY, MEMORY))


def message(*outputs: bytes) -> str:
    """OPA's own errors, from its JSON or its text."""
    for output in outputs:
        try:
            errors = json.loads(output).get("errors", [])
        except (ValueError, AttributeError, RecursionError):
            continue
        return "; ".join(_one_error(error) for error in errors)
    return " ".join(b" ".join(outputs).decode("utf-8", "replace").split())


def _one_error(error: dict[str, Any]) -> str:
    place: dict[str, Any] = error.get("location") or {}
    where = f"{place['file']}:{place['row']}:{place.get('col', 1)}: " if "file" in place else ""
    return f"{where}{error.get('message', error)}"
