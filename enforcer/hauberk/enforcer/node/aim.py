"""What is wanted on this node: of a source of policies and the containers that are known. Needs no kernel."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Protocol

from hauberk.enforcer.kernel.errors import KernelError, NotOursError, TooLargeError
from hauberk.enforcer.node.containers import Containers
from hauberk.enforcer.node.roots import Roots
from hauberk.enforcer.node.wanted import Container, Desired, Inputs, Planner, PolicyObject
from hauberk.enforcer.policies import Given
from hauberk.enforcer.state import State
from hauberk.policy.problems import HauberkError

FAULTS = (HauberkError, OSError, KernelError, TooLargeError, NotOursError)
"""What the world does to a step."""
_LOOKS = 0.05
"""Seconds until a source is asked again whether it is ready."""


class Source(Protocol):
    """Policies and all else that is said about workloads."""

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        """Policies that an earlier daemon left at work, as `fill` says them; asked once, before all else."""
        ...

    def start(self) -> None:
        """From now on it reads."""
        ...

    def end(self) -> None:
        """It reads no more."""
        ...

    def ready(self) -> bool:
        """Whether all was read once: before that, nothing may be taken for gone."""
        ...

    def knows(self, container: Container) -> bool:
        """Whether all that selects a container is known."""
        ...

    def changed(self) -> bool:
        """Whether `fill` would say something else than before; looks, and must not wait long."""
        ...

    def fill(self, containers: tuple[Container, ...]) -> Inputs:
        """What is known now."""
        ...

    def problems(self) -> list[str]:
        """What is wrong with what was read."""
        ...


class Aim:
    """Plans for one thread at a time.

    `before` is what an earlier daemon left at work; `changed` is set when there may be something else to plan.
    """

    def __init__(
        self, source: Source, containers: Containers, before: State, changed: threading.Event | None = None
    ) -> None:
        self.source, self.containers = source, containers
        self.changed = changed or threading.Event()
        self._roots = Roots(before)
        held = (given for held in before.slots.values() for given in held.now.policies)
        self._planner = Planner(self._roots, source.earlier(held))

    def plan(self) -> tuple[Inputs, Desired]:
        """What is known now, and what is to be in the kernel for it. Raises `FAULTS`."""
        inputs = self.source.fill(self.containers.all())
        self._roots.keep(inputs.containers)
        return inputs, self._planner.plan(inputs)

    @contextmanager
    def ahead(self) -> Generator[None]:
        """Reads, and plans once, beside the block, which waits for the kernel: what is encoded and looked up is kept.

        Where the source is not ready when the block ends, it goes on to read.
        """
        self.source.start()
        ends = threading.Event()

        def planned() -> None:
            while not self.source.ready():
                if ends.wait(_LOOKS):
                    return
            # who plans next is told of it again
            with suppress(*FAULTS):
                self.plan()

        thread = threading.Thread(target=planned, name="hauberk-ahead")
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()
