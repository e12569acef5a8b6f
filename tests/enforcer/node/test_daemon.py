"""The loop, with a source and a kernel that are stand-ins: guests have the real ones (tests/guest/test_daemon.py)."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.node.made import LS, SYSCALLS, Kernel, policy
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node.aim import Aim, Source
from hauberk.enforcer.node.applied import Applied, Applier
from hauberk.enforcer.node.containers import Containers
from hauberk.enforcer.node.daemon import Daemon, Status
from hauberk.enforcer.node.folder import Folder, object_of
from hauberk.enforcer.node.local import Local
from hauberk.enforcer.node.wanted import Cause, Container, Inputs, PolicyObject, Standing
from hauberk.enforcer.policies import Given
from hauberk.policy.model import Posture

PROGRAMS = ("hauberk_open",)
NET = "network: {matchProtocols: [{protocol: tcp}]}\naction: Block"


class Known:
    """What is known of the cluster."""

    def __init__(self) -> None:
        self.policies: tuple[PolicyObject, ...] = ()
        self.is_ready, self.is_known, self.filled = True, True, 0
        self._changed = True

    def set(self, *policies: PolicyObject) -> None:
        self.policies, self._changed = policies, True

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        return tuple(object_of(one, one.policy) for one in given)

    def start(self) -> None:
        """It is read already."""

    def end(self) -> None:
        """There is nothing to end."""

    def ready(self) -> bool:
        return self.is_ready

    def knows(self, container: Container) -> bool:
        return self.is_known

    def changed(self) -> bool:
        changed, self._changed = self._changed, False
        return changed

    def fill(self, containers: tuple[Container, ...]) -> Inputs:
        self.filled += 1
        return Inputs(self.policies, containers=containers)

    def problems(self) -> list[str]:
        return [] if self.is_ready else ["the API server is not heard"]


class Bench:
    """A daemon over one container, whose cgroup and process are files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kernel, self.source = folder, Kernel(), Known()
        self.tree = Tree(folder / "cgroup", folder / "proc")
        for pid in ("42", "self", "1"):
            (folder / "proc" / pid).mkdir(parents=True)
            (folder / "proc" / pid / "cgroup").write_text("0::/pods/a\n" if pid == "42" else "0::/system\n")
            (folder / "proc" / pid / "root").symlink_to("/")
        (folder / "cgroup/pods/a").mkdir(parents=True)
        (folder / "cgroup/pods/a/cgroup.procs").touch()
        self.told: list[Status] = []
        self.reloads = 0
        self.attached: tuple[str, ...] = PROGRAMS
        self.ready = threading.Event()
        self._make(self.source)

    def _make(self, source: Source) -> None:
        state = self.folder / "state.json"
        self.applier = Applier(self.kernel, state, PROGRAMS, lambda: self.attached)  # type: ignore[arg-type]
        containers = Containers(self.folder / "containers.json")
        self.daemon = Daemon(
            Aim(source, containers, self.applier.state), self.applier, self._tell, self._reload, tree=self.tree
        )

    def _tell(self, status: Status, did: Applied) -> None:
        self.told.append(status)

    def _reload(self) -> None:
        self.reloads += 1
        self.attached = PROGRAMS

    def start(self, period: float = 60.0) -> None:
        self._thread = threading.Thread(target=self.daemon.run, args=(period, self.ready.set, lambda: None))
        self._thread.start()

    def end(self) -> None:
        self.daemon.end()
        self._thread.join()

    def restart(self, source: Source | None = None) -> None:
        """Another daemon takes over."""
        self.end()
        self.ready.clear()
        self.kernel.calls.clear()
        self._make(source or self.source)
        self.start()

    def begin(self) -> str:
        """The runtime says that the container starts."""
        annotations = {"hauberk.dev/namespace": "web", "hauberk.dev/labels": "app=nginx", "hauberk.dev/container": "n"}
        return self.daemon.started({"id": "c1", "pid": 42, "annotations": annotations})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.end()


def until(happens: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


def standing(bench: Bench) -> Standing:
    (one,) = bench.daemon.status.standings
    return one.standing


def test_a_container_that_starts_is_judged_before_the_runtime_goes_on(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.start()
    assert bench.begin() == ""
    assert bench.kernel.calls == ["set 1", "register a"]
    assert bench.daemon.status.enforced == 1
    kept = json.loads((bench.folder / "containers.json").read_text())
    assert [one["id"] for one in kept["containers"]] == ["c1"]


def test_nothing_is_taken_for_gone_before_everything_was_read(bench: Bench) -> None:
    bench.source.is_ready = False
    bench.start()
    until(lambda: bench.told)
    assert bench.told[0].problems == ("the API server is not heard",)
    assert not bench.ready.is_set()
    assert bench.kernel.calls == []
    bench.source.is_ready = True
    bench.daemon.wake()
    until(bench.ready.is_set)


def test_what_the_kernel_has_no_memory_for_is_pending_and_is_tried_again(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.kernel.without_memory = True
    bench.start()
    assert "has no memory for it" in bench.begin()
    assert standing(bench) is Standing.PENDING
    assert bench.daemon.status.failed["c1"].cause is Cause.PENDING
    bench.kernel.without_memory = False
    until(lambda: standing(bench) is Standing.ENFORCED)
    assert bench.kernel.calls == ["set 1", "register a"]


def test_a_link_that_cannot_be_looked_up_is_told_and_looked_up_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.readlink

    def readlink(path: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "readlink", readlink)
    bench.source.set(policy(LS))
    bench.start()
    assert bench.begin() == "whether /bin is a link cannot be seen: Permission denied"
    assert standing(bench) is Standing.PENDING
    assert bench.kernel.calls == ["set 1", "register a"]
    monkeypatch.setattr(os, "readlink", real)
    until(lambda: standing(bench) is Standing.ENFORCED)


def test_what_does_not_fit_is_refused_and_not_tried_until_something_changes(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.kernel.full = True
    bench.start()
    assert "the bound is 1 MB" in bench.begin()
    filled = bench.source.filled
    for _ in range(3):
        bench.daemon.wake()
        time.sleep(0.1)
    assert standing(bench) is Standing.REFUSED
    assert bench.source.filled == filled


def test_changes_that_come_together_are_one_swap(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.start()
    bench.begin()
    bench.kernel.calls.clear()
    for number in range(200):
        bench.source.set(policy(NET if number % 2 else LS))
        bench.daemon.wake()
    until(lambda: "set 1" in bench.kernel.calls)
    time.sleep(0.2)
    assert len(bench.kernel.calls) <= 3


def test_what_was_changed_behind_its_back_is_put_right_and_said_until_it_is_well(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.start(period=0.05)
    bench.begin()
    bench.kernel.held.clear()
    bench.attached = ()
    bench.daemon.wake()
    until(lambda: bench.reloads and any(status.tampered for status in bench.told))
    until(lambda: not bench.daemon.status.tampered and bench.kernel.held)
    said = [str(one) for status in bench.told for one in status.tampered]
    assert any(one.startswith("c1: its entries in the kernel") for one in said)
    assert "program hauberk_open was detached" in said


def test_a_policy_that_is_refused_stays_at_its_version_when_the_daemon_restarts(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.start()
    bench.begin()
    bench.source.set(policy(SYSCALLS))
    bench.daemon.wake()
    until(lambda: standing(bench) is Standing.REFUSED)
    bench.restart()
    until(bench.ready.is_set)
    assert standing(bench) is Standing.REFUSED
    assert bench.kernel.calls == []
    assert len(bench.kernel.held) == 1


def test_what_a_folder_said_goes_on_when_the_daemon_restarts_without_it(bench: Bench) -> None:
    there = bench.folder / "policies"
    there.mkdir()
    file = there / "p.json"
    file.write_text(json.dumps(policy(LS).given.document))
    bench.start()
    bench.restart(Local(Folder((str(there),)), Posture(), ()))
    assert bench.begin() == ""
    assert len(bench.kernel.held) == 1
    # the folder is away: nothing is taken for gone, and nothing is known of a container that starts
    there.rename(bench.folder / "away")
    bench.restart(Local(Folder((str(there),)), Posture(), ()))
    until(lambda: bench.told[-1].problems == (f"{there}: is not there",))
    assert not bench.ready.is_set()
    (bench.folder / "away").rename(there)
    bench.daemon.wake()
    until(bench.ready.is_set)
    # a file is broken: what it said goes on
    file.write_text('{"apiVersion": "security')
    bench.restart(Local(Folder((str(there),)), Posture(), ()))
    until(bench.ready.is_set)
    assert bench.daemon.status.problems[0].startswith(f"{file}:1:")
    assert standing(bench) is Standing.ENFORCED
    assert bench.kernel.calls == []
    # mended, and another policy: now the first is gone
    file.write_text("[]")
    bench.daemon.wake()
    until(lambda: not bench.kernel.held)


def test_a_container_that_ended_is_forgotten(bench: Bench) -> None:
    bench.source.set(policy(LS))
    bench.start()
    bench.begin()
    (bench.folder / "cgroup/pods/a/cgroup.procs").unlink()
    (bench.folder / "cgroup/pods/a").rmdir()
    until(lambda: not bench.daemon.status.containers)
    assert bench.kernel.held == {}
    assert bench.kernel.registered == {}


def test_a_full_disk_is_trouble_that_is_told_and_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from hauberk.enforcer import state as states

    bench.source.set(policy(LS))
    bench.start()
    bench.begin()
    write = states.write

    def full(path: Path, state: states.State) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states, "write", full)
    bench.source.set(policy(NET))
    bench.daemon.wake()
    until(lambda: bench.daemon.status.problems)
    assert "No space left on device" in bench.daemon.status.problems[0]
    monkeypatch.setattr(states, "write", write)
    until(lambda: not bench.daemon.status.problems)
    assert standing(bench) is Standing.ENFORCED
    held = states.read(bench.folder / "state.json")
    assert held is not None
    assert held.slots[1].now.policies[0].document["spec"]["network"]
