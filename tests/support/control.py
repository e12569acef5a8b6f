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
        self.pid = self._process.pid
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
        self.send(line)
        return self.answer()

    @property
    def running(self) -> bool:
        return self._process.running

    def send(self, line: str) -> None:
        """Without waiting for what it answers."""
        self._process.send(line.encode() + b"\n")

    def kill(self) -> None:
        """At once, by SIGKILL."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self._process.close_input()
        self._process.wait()


class Control:
    """Made by `enforcing`; `how` is an argument of inside/control.py."""

    def __init__(self, guest: Guest, *how: str) -> None:
        self.guest = guest
        guest.put("/t/control.py", (INSIDE / "control.py").read_bytes())
        self.lines = Lines(guest, ["python3", "/t/control.py", OBJECT, *how])

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
        assert self.ask(set=_policies(specs), posture=posture, slot=slot, workload=workload) is True

    def holds(self, *specs: Mapping[str, Any], posture: Mapping[str, str] = BLOCK, slot: int = 1) -> bool:
        """Whether the kernel holds what `set` with the same arguments would make."""
        held: bool = self.ask(holds=_policies(specs), posture=posture, slot=slot, workload=WORKLOAD)
        return held

    def attempt(self, *specs: Mapping[str, Any], slot: int = 1) -> dict[str, str]:
        """What the enforcer raises when it is asked to `set` these."""
        asked = {"set": _policies(specs), "posture": BLOCK, "slot": slot, "workload": WORKLOAD}
        raised: dict[str, str] = self.ask(attempt=asked)
        return raised

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


def _policies(specs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [policy(spec, f"p{index}") for index, spec in enumerate(specs)]


@contextmanager
def enforcing(guest: Guest, **sizes: int) -> Iterator[Control]:
    """Programs loaded, with these sizes of maps; unloaded at the end."""
    control = Control(guest, json.dumps(sizes))
    try:
        yield control
    finally:
        if guest.alive and control.lines.running:
            control.ask(unload=True)
            control.lines.close()
