"""The processes that do accesses: each in namespaces and a root file system of its own, kept for the next access."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

from hauberk.enforcer.trials.deeds import Deed
from hauberk.policy.problems import HauberkError

_HERE = Path(__file__).parent
_TOOLS = ("unshare", "mount", "pivot_root", "umount")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_NAMESPACES = ("--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child")
_PATIENCE = 60.0
_DIE = 5.0
_SAID = 300
_MOST_KEPT = 8


class NotRunError(Exception):
    """Why an access was not done, or nobody can say what came of it."""


def tools() -> dict[str, str]:
    """Paths of the programs that make a root file system.

    Raises:
        HauberkError: one is not installed.

    """
    found = {name: shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}") for name in _TOOLS}
    lacking = [name for name, path in found.items() if path is None]
    if lacking:
        raise HauberkError(f"{', '.join(lacking)}: not found: install util-linux and mount")
    return {name: path for name, path in found.items() if path}


class Troupe:
    """Actors by the program that they are and whether they have a terminal; ended at the end of a `with` block."""

    def __init__(self, tools: dict[str, str], entrance: int, aside: str) -> None:
        self._tools = tools
        self._entrance = entrance
        self._aside = aside
        self._kept: dict[tuple[str | None, bool], Actor] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._kept:
            self._kept.popitem()[1].close()

    @contextmanager
    def actor(self, deed: Deed) -> Generator[Actor]:
        """One that is waiting; it is kept for the next deed if it does this one, and is not changed by it."""
        key = (deed.source, deed.tty)
        actor = self._kept.pop(key, None) or self._started(deed)
        with ExitStack() as undo:
            undo.callback(actor.close)
            yield actor
            if not _harms(deed):
                undo.pop_all()
                self._kept[key] = actor
        if len(self._kept) > _MOST_KEPT:
            self._kept.pop(next(iter(self._kept))).close()

    def _started(self, deed: Deed) -> Actor:
        libraries = [f"{sys.base_exec_prefix}/lib", os.environ.get("LD_LIBRARY_PATH", "")]
        plan = {
            **self._tools,
            "aside": self._aside,
            "source": deed.source,
            "tty": deed.tty,
            "entrance": self._entrance,
            "actor": str(_HERE / "actor.py"),
            "environment": {
                "PYTHONHOME": f"{sys.base_prefix}:{sys.base_exec_prefix}",
                "PYTHONUTF8": "1",
                "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
            },
        }
        return Actor([self._tools["unshare"], *_NAMESPACES, "--"], plan)


def _harms(deed: Deed) -> bool:
    """Whether the deed may take from the actor the name that it has."""
    return deed.op == "modify" and f"{deed.source}/".startswith(f"{deed.target}/")


class Actor:
    """A conversation: one line there, one line back."""

    def __init__(self, command: list[str], plan: dict[str, Any]) -> None:
        self._base = tempfile.mkdtemp(prefix="hauberk-test-")
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed in close()
        python = [sys.executable, "-S", "-s", "-P", "-B", str(_HERE / "stage.py")]
        self._process = subprocess.Popen(
            [*command, *python, json.dumps({**plan, "base": self._base})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            pass_fds=[plan["entrance"]],
            cwd="/",
            start_new_session=True,
        )

    def close(self) -> None:
        """The namespaces end with their first process, and with them all that is in them."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        Path(self._base).rmdir()

    def ask(self, what: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to the next line: a deed, or to go on with it.

        Raises:
            NotRunError: it failed, or there is none.

        """
        assert self._process.stdin  # noqa: S101  a pipe, see above
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what or {"go": True}).encode() + b"\n")
            self._process.stdin.flush()
        return self._answer()

    def ended(self) -> None:
        """Waits until the task that acted is gone.

        Raises:
            NotRunError: it did not end by itself.

        """
        self._answer()

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._line() or b"{}")
        if "failed" in answer:
            raise NotRunError(answer["failed"])
        if answer.get("died"):
            raise NotRunError(f"the actor {answer['died']}")
        if not answer:
            raise NotRunError(f"the actor ended before it answered{self._told()}")
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout  # noqa: S101  likewise
        found, fd = b"", self._process.stdout.fileno()
        until = time.monotonic() + _PATIENCE
        # one byte at a time: the next answer may come without being asked for
        while not found.endswith(b"\n"):
            if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                raise NotRunError(f"the actor did not answer within {_PATIENCE:.0f} s")
            part = os.read(fd, 1)
            if not part:
                return b""
            found += part
        return found

    def _told(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DIE)
        self._said.seek(0)
        text = " ".join(self._said.read().decode(errors="replace").split())
        return f": {text[-_SAID:]}" if text else ""
