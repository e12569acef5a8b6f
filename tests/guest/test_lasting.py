"""Enforcement outlives who set it up (E2), and a policy changes from one moment to the next (E3)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from support.commands import Background
from support.control import BLOCK, WORKLOAD, Control, policy
from support.keeper import Keeper
from support.programs import INSIDE, compiled

pytestmark = pytest.mark.guest

GROUP = "lasting"
LOADING = 10
"""Niceness beside the loading of programs, which takes a guest some seconds of its one processor."""
HAMMER, ACTOR = "/t/hammer", "/t/actor"
A, B = "/lasting/a", "/mnt/ext4/lasting/b"
"""On the overlay that is the root of guests, and on ext4."""


def block(*paths: str, **more: Any) -> dict[str, Any]:
    return {"action": "Block", "file": {"matchPaths": [{"path": path, **more} for path in paths]}}


def source(action: str, path: str) -> dict[str, Any]:
    return {"action": action, "file": {"matchPaths": [{"path": path, "fromSource": [{"path": HAMMER}]}]}}


class Hammer:
    """A process in the cgroup whose accesses each have one right verdict all the time."""

    def __init__(self, control: Control, niceness: int, accesses: Mapping[str, str]) -> None:
        arguments = [word for what, path in accesses.items() for word in (what, path)]
        self._process = control.start(GROUP, ["nice", "-n", str(niceness), HAMMER, *arguments])

    def state(self) -> tuple[int, int]:
        """Rounds, and wrong verdicts."""
        lines = self._process.stdout.decode().rpartition("\n")[0].splitlines()
        rounds, wrong = lines[-1].split() if lines else ("0", "0")
        return int(rounds), int(wrong)

    def goes_on(self, rounds: int = 500) -> None:
        """Until it has done this many more, none of them wrong."""
        end, start = time.monotonic() + 120, self.state()[0]
        while (state := self.state())[0] < start + rounds:
            assert state[1] == 0, f"{state[1]} wrong verdicts in {state[0]} rounds"
            assert time.monotonic() < end, self._process.stderr.decode()
            time.sleep(0.05)
        assert state[1] == 0, f"{state[1]} wrong verdicts in {state[0]} rounds"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def hammering(control: Control, niceness: int = 0, **accesses: str) -> Iterator[Hammer]:
    """Made and at work; at the end there was no wrong verdict."""
    hammer = Hammer(control, niceness, accesses)
    try:
        hammer.goes_on()
        yield hammer
        hammer.goes_on()
    finally:
        hammer.close()


class Actor:
    """A process in the cgroup that does what it is told, see inside/actor.c."""

    def __init__(self, control: Control) -> None:
        self._process: Background = control.start(GROUP, [ACTOR, "0"], input=None)
        self._seen = len(self._process.until(b"ready\n"))
        self.pid = self._process.pid

    def read(self, path: str) -> int:
        """The errno, 0 when it was opened."""
        self._process.send(f"read {path}\n".encode())
        line = self._process.line(self._seen)
        self._seen += len(line)
        return int(line)

    def close(self) -> None:
        self._process.kill()


class Bench:
    """Control changes hands in the course of these tests."""

    def __init__(self, keeper: Keeper) -> None:
        guest = keeper.guest()
        for name in ("hammer", "actor"):
            guest.put(f"/t/{name}", compiled(f"{name}.c"), 0o755)
        for path in (A, B, f"{A}2", f"{B}2"):
            guest.put(path, b"content")
        self.guest = guest
        self.control = Control(guest)
        self.control.register(GROUP)

    def replace_control(self) -> None:
        self.control.lines.kill()
        self.control = Control(self.guest, "adopt")


@pytest.fixture(scope="module")
def bench(keeper: Keeper) -> Iterator[Bench]:
    bench = Bench(keeper)
    yield bench
    bench.control.ask(unload=True)
    bench.control.lines.close()


def test_a_kill_of_who_loaded_them_changes_nothing_and_another_goes_on(bench: Bench) -> None:
    bench.control.set(block(A))
    with hammering(bench.control, denied=A, allowed=B) as hammer:
        bench.control.lines.kill()
        hammer.goes_on(2000)
        bench.control = Control(bench.guest, "adopt")
        assert bench.control.holds(block(A))
        assert not bench.control.holds(block(B))
    with hammering(bench.control, denied=A):
        bench.control.set(block(A, B))
        assert bench.control.inside(GROUP, ["cat", B]).returncode == 1
    assert bench.control.counters()["DENIED"] > 2000


def test_an_upgrade_that_is_cut_short_leaves_the_programs_at_work(bench: Bench) -> None:
    bench.control.set(block(A))
    before = bench.control.ask(programs=True)
    with hammering(bench.control, LOADING, denied=A, allowed=B) as hammer:
        bench.control.lines.send(json.dumps({"upgrade": 0}))
        hammer.goes_on(100)
        bench.replace_control()
        assert set(before) <= set(bench.control.ask(programs=True))
    assert bench.control.holds(block(A))


def test_new_programs_take_over_without_a_gap(bench: Bench) -> None:
    bench.control.set(block(A))
    actor = Actor(bench.control)
    assert actor.read(A) == 13
    bench.guest.run(["sh", "-c", f"echo {actor.pid} >/sys/fs/cgroup/cgroup.procs"]).checked()
    before = bench.control.ask(programs=True)
    with hammering(bench.control, LOADING, denied=A, allowed=B):
        bench.control.ask(upgrade=0)
        after = bench.control.ask(programs=True)
        assert len(after) == len(before)
        assert not set(after) & set(before)
    assert bench.control.holds(block(A))
    # it was seen in its container once, by programs that are gone
    assert (actor.read(A), actor.read(B)) == (13, 0)
    bench.control.set(block(B))
    assert (actor.read(A), actor.read(B)) == (0, 13)
    actor.close()


def test_a_verdict_is_that_of_one_policy(bench: Bench) -> None:
    """Each access has the same verdict under both policies, by rules of different tiers; it would have another one
    if one tier were the first policy's and the other the second's. `A2` is denied by name of the source here, by a
    rule for all there; `B2` is denied to all but the source here, to nobody there.
    """
    first = [source("Block", f"{A}2"), source("Allow", f"{B}2"), block(f"{B}2"), block(A)]
    second = [block(f"{A}2"), source("Allow", "/lasting/other"), source("Allow", f"{B}2")]
    audit = {**BLOCK, "file": "audit"}
    times = 1000 if bench.guest.kernel == "6.12" else 300
    bench.control.set(*first, posture=audit)
    with hammering(bench.control, denied=f"{A}2", allowed=f"{B}2") as hammer:
        swap(bench, hammer, times, (first, second), audit)


def test_two_names_are_judged_by_one_policy(bench: Bench) -> None:
    """Each policy denies the rename by another one of its names."""
    first, second = [block(A, f"{B}2")], [block(f"{B}2.new")]
    bench.control.set(*first)
    with hammering(bench.control, moved=f"{B}2") as hammer:
        swap(bench, hammer, 300, (first, second), BLOCK)


def swap(
    bench: Bench, hammer: Hammer, times: int, policies: tuple[list[Any], list[Any]], posture: Mapping[str, str]
) -> None:
    """While it hammers, policies change places; the first of them denies reading `A`."""
    given = [[[policy(spec, f"p{index}") for index, spec in enumerate(specs)], posture, WORKLOAD] for specs in policies]
    bench.guest.put("/t/swaps.json", json.dumps(given).encode())
    bench.guest.put("/t/swaps.py", (INSIDE / "swaps.py").read_bytes())
    start = hammer.state()[0]
    swaps = bench.guest.run(["python3", "/t/swaps.py", GROUP, str(times), A, "/t/swaps.json"], timeout=300)
    assert hammer.state()[0] > start + times // 10
    # whoever asks after a change is judged by the new policy, also of what was passed before
    assert swaps.checked() == f"{2 * times}\n"
