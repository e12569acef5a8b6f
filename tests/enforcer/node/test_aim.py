"""Planning beside a block that waits for the kernel."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from enforcer.node.made import LS, container, policy
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.node import wanted
from hauberk.enforcer.node.aim import Aim
from hauberk.enforcer.node.containers import Containers
from hauberk.enforcer.node.wanted import Container, Inputs, PolicyObject
from hauberk.enforcer.policies import Given
from hauberk.enforcer.state import State
from hauberk.policy.decision import Compiled

WITHIN = 30.0


class Known:
    """A source that says when it is asked."""

    def __init__(self, *, ready: bool = True, fault: Exception | None = None) -> None:
        self.is_ready, self.fault = ready, fault
        self.policies: tuple[PolicyObject, ...] = ()
        self.started = False
        self.filled = threading.Event()

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        assert not self.started
        return ()

    def start(self) -> None:
        self.started = True

    def end(self) -> None:
        """There is nothing to end."""

    def ready(self) -> bool:
        return self.is_ready

    def knows(self, container: Container) -> bool:
        return True

    def changed(self) -> bool:
        return False

    def fill(self, containers: tuple[Container, ...]) -> Inputs:
        self.filled.set()
        if self.fault:
            raise self.fault
        return Inputs(self.policies, containers=(container(1),))

    def problems(self) -> list[str]:
        return []


def aim(folder: Path, source: Known) -> Aim:
    return Aim(source, Containers(folder / "containers.json"), State())


def test_it_plans_while_the_block_waits(tmp_path: Path) -> None:
    source = Known()
    with aim(tmp_path, source).ahead():
        assert source.filled.wait(WITHIN)


def test_what_was_planned_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Known()
    source.policies = (policy(LS),)
    encoded: list[Compiled] = []

    def noted(compiled: Compiled) -> Image:
        encoded.append(compiled)
        return encode(compiled)

    monkeypatch.setattr(wanted, "encode", noted)
    planned = aim(tmp_path, source)
    with planned.ahead():
        assert source.filled.wait(WITHIN)
    assert len(encoded) == 1
    _, desired = planned.plan()
    assert len(encoded) == 1
    assert desired.wanted["c1"].image.rules


def test_a_source_that_gets_ready_meanwhile(tmp_path: Path) -> None:
    source = Known(ready=False)
    with aim(tmp_path, source).ahead():
        assert source.started
        assert not source.filled.wait(0.2)
        source.is_ready = True
        assert source.filled.wait(WITHIN)


def test_the_block_does_not_wait_for_a_source(tmp_path: Path) -> None:
    source = Known(ready=False)
    with aim(tmp_path, source).ahead():
        pass
    source.is_ready = True
    assert not source.filled.wait(0.2)


def test_a_fault_is_left_to_who_plans_next(tmp_path: Path) -> None:
    source = Known(fault=KernelError(5, "look up a link"))
    planned = aim(tmp_path, source)
    with planned.ahead():
        assert source.filled.wait(WITHIN)
    with pytest.raises(KernelError):
        planned.plan()


def test_the_block_fails_as_it_does_alone(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="load"), aim(tmp_path, Known()).ahead():
        raise KernelError(1, "load")
