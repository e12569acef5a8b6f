"""The programs at work in a guest, told by tests what to enforce on whom."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from support.commands import Background, Finished
from support.guest import Guest
from support.programs import INSIDE, OBJECT

BLOCK = {"file": "block", "network": "block", "capabilities": "block"}
AUDIT = {"file": "audit", "network": "audit", "capabilities": "audit"}
WORKLOAD = {"namespace": "default", "labels": {"app": "w"}, "container": "c"}
_CGROUPS = "/sys/fs/cgroup/"


def policy(spec: Mapping[str, Any], name: str = "p") -> dict[str, Any]:
    """A policy for `WORKLOAD`."""
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "w"}}, **spec},
    }


class Lines:
    """A program in a guest that answers each line of its input with one of JSON, and says "ready" first."""

    def __init__(self, guest: Guest, argv: Sequence[str]) -> None:
        self._process = guest.start(argv, input=None)
        self._answered = 0
        assert self.answer() == "ready"

    def answer(self, within: float = 300) -> Any:
        """The next line of its output."""
        end = time.monotonic() + within
        while (output := self._process.stdout).count(b"\n") <= self._answered:
            assert self._process.running, self._process.stderr.decode()
            assert time.monotonic() < end, f"no answer within {within} s: {self._process.stderr.decode()}"
            time.sleep(0.02)
        self._answered += 1
        return json.loads(output.split(b"\n")[self._answered - 1])

    def asked(self, line: str) -> Any:
        self._process.send(line.encode() + b"\n")
        return self.answer()

    @property
    def running(self) -> bool:
        return self._process.running

    def close(self) -> None:
        self._process.close_input()
        self._process.wait()


class Control:
    """Made by `enforcing`."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        guest.put("/t/control.py", (INSIDE / "control.py").read_bytes())
        self.lines = Lines(guest, ["python3", "/t/control.py", OBJECT])

    def ask(self, **asked: Any) -> Any:
        return self.lines.asked(json.dumps(asked))

    def register(self, group: str, slot: int = 1) -> None:
        """A cgroup by its path below the root of all; made where it is not there."""
        self.ask(register=group if group.startswith("/") else _CGROUPS + group, slot=slot)

    def set(
        self,
        *specs: Mapping[str, Any],
        posture: Mapping[str, str] = BLOCK,
        slot: int = 1,
        workload: Mapping[str, Any] = WORKLOAD,
    ) -> None:
        """From now on, policies `p0`, `p1`, ... with these specs."""
        documents = [policy(spec, f"p{index}") for index, spec in enumerate(specs)]
        assert self.ask(set=documents, posture=posture, slot=slot, workload=workload) is True

    def clear(self, slot: int = 1) -> None:
        self.ask(clear=slot)

    def records(self) -> list[list[Any]]:
        """Since the last time: reason, operation, result, resource, program, parent, suppressed."""
        found: list[list[Any]] = self.ask(records=True)
        return found

    def counters(self) -> dict[str, int]:
        found: dict[str, int] = self.ask(counters=True)
        return found

    def inside(self, group: str, argv: Sequence[str], **options: Any) -> Finished:
        """A command that is in a cgroup before it is itself."""
        return self.guest.run(self._entering(group, argv), **options)

    def start(self, group: str, argv: Sequence[str], **options: Any) -> Background:
        return self.guest.start(self._entering(group, argv), **options)

    def _entering(self, group: str, argv: Sequence[str]) -> list[str]:
        return ["sh", "-c", f'echo $$ > {_CGROUPS}{group}/cgroup.procs; exec "$@"', "sh", *argv]


@contextmanager
def enforcing(guest: Guest) -> Iterator[Control]:
    """Programs loaded; unloaded at the end."""
    control = Control(guest)
    try:
        yield control
    finally:
        if guest.alive and control.lines.running:
            control.ask(unload=True)
            control.lines.close()
