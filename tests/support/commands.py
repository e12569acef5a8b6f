"""Commands that run in guests: how they end, and those that go on."""

from __future__ import annotations

import base64
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


class CommandTimedOut(TimeoutError):  # noqa: N818  what happened, not whose error
    """With the output so far."""

    def __init__(self, argv: Sequence[str], seconds: float, stdout: bytes, stderr: bytes) -> None:
        super().__init__(f"not within {seconds} s: {' '.join(argv)}\n{stderr.decode(errors='replace')}")
        self.stdout, self.stderr = stdout, stderr


@dataclass(frozen=True, slots=True)
class Finished:
    """`returncode` is as in subprocess: below zero, the signal that ended the command."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode()

    def checked(self) -> str:
        """Its output; raises AssertionError with its complaint if it failed."""
        assert self.returncode == 0, f"exit code {self.returncode}: {(self.stderr or self.stdout).decode()}"
        return self.text


class Background:
    """A command that was started; `pid` is its number in the guest."""

    def __init__(self, ask: Callable[..., Any], argv: Sequence[str], number: int, pid: int) -> None:
        self.pid = pid
        self._ask = ask
        self._argv = argv
        self._number = number
        self._stdout = self._stderr = b""
        self._returncode: int | None = None

    @property
    def running(self) -> bool:
        self._look(0)
        return self._returncode is None

    @property
    def stdout(self) -> bytes:
        """So far."""
        self._look(0)
        return self._stdout

    @property
    def stderr(self) -> bytes:
        """So far."""
        self._look(0)
        return self._stderr

    def wait(self, timeout: float = 120) -> Finished:
        """Raises CommandTimedOut if it goes on."""
        self._look(timeout)
        if self._returncode is None:
            raise CommandTimedOut(self._argv, timeout, self._stdout, self._stderr)
        return Finished(self._returncode, self._stdout, self._stderr)

    def until(self, text: bytes, timeout: float = 120) -> bytes:
        """Its output, once this is in it; raises CommandTimedOut, and AssertionError if the command ends before."""
        end = time.monotonic() + timeout
        while text not in self.stdout:
            assert self._returncode is None, f"ended before {text!r}: {(self._stderr or self._stdout).decode()}"
            if time.monotonic() > end:
                raise CommandTimedOut(self._argv, timeout, self._stdout, self._stderr)
            time.sleep(0.1)
        return self._stdout

    def line(self, start: int, timeout: float = 120) -> bytes:
        """Of its output, the line that begins at `start`; raises as `until` does."""
        end = time.monotonic() + timeout
        while b"\n" not in self._stdout[start:]:
            assert self._returncode is None, f"ended: {(self._stderr or self._stdout).decode()}"
            if time.monotonic() > end:
                raise CommandTimedOut(self._argv, timeout, self._stdout, self._stderr)
            time.sleep(0.02)
            self._look(0)
        return self._stdout[start:].partition(b"\n")[0] + b"\n"

    def send(self, data: bytes) -> None:
        self._ask("send", 0, process=self._number, data=encoded(data), close=False)

    def close_input(self) -> None:
        self._ask("send", 0, process=self._number, data="", close=True)

    def kill(self, number: int = signal.SIGKILL) -> None:
        self._ask("kill", 0, process=self._number, number=int(number))

    def _look(self, seconds: float) -> None:
        seen = (len(self._stdout), len(self._stderr))
        got = self._ask("wait", seconds, process=self._number, seconds=seconds, seen=seen)
        self._returncode = got["returncode"]
        self._stdout += base64.b64decode(got["stdout"])
        self._stderr += base64.b64decode(got["stderr"])


def encoded(data: bytes) -> str:
    """As the agent wants bytes."""
    return base64.b64encode(data).decode()
