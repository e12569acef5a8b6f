"""The loop: what is wanted - what is there -> the fewest steps, whenever something changes; and what came of it.

Policies and containers may change from any thread; the kernel is changed in one place, under one lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hauberk.enforcer.alerts import Pod
from hauberk.enforcer.faults import explained
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import Record
from hauberk.enforcer.node.aim import FAULTS, Aim
from hauberk.enforcer.node.applied import NODE_SLOT, Applied, Applier, Tampering
from hauberk.enforcer.node.containers import container_of
from hauberk.enforcer.node.wanted import (
    NODE,
    Cause,
    Container,
    Failure,
    PolicyKey,
    PolicyObject,
    PolicyStanding,
    Standing,
)
from hauberk.policy.model import Workload

_BEGINS = 20.0
"""Seconds that a container which starts waits for the first list of policies."""
_DEAD = 180.0
"""Seconds of one round of the loop after which it is not taken for alive; programs that were detached take
some seconds to load, and many more on a slow machine."""
_KNOWN = 2.0
"""Seconds that it waits for its pod to be known: a pod is there before its containers, but may be heard of after."""
SETTLES = 0.05
"""Seconds in which changes that come together are taken together: a storm of policies is one swap."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the node stands; `failed` says by the id of a container why its policies are not in the kernel."""

    standings: tuple[PolicyStanding, ...] = ()
    problems: tuple[str, ...] = ()
    containers: int = 0
    enforced: int = 0
    failed: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    tampered: tuple[Tampering, ...] = ()


class Daemon:
    """Keeps the kernel equal to what is wanted.

    `told` is called with the new status whenever it is another one; `reload` puts programs in the place of those that
    were detached.
    """

    def __init__(
        self,
        aim: Aim,
        applier: Applier,
        told: Callable[[Status, Applied], None],
        reload: Callable[[], None],
        *,
        tree: Tree | None = None,
    ) -> None:
        self._aim, self._applier, self._told = aim, applier, told
        self._source, self._containers = aim.source, aim.containers
        self._reload = reload
        self._tree = tree or Tree()
        self._lock = threading.Lock()
        self._wake = aim.changed
        self._ends = False
        self._began = threading.Event()
        self.policies: Mapping[PolicyKey, PolicyObject] = {}
        self.accepted: Mapping[PolicyKey, PolicyObject] = {}
        self._pods: dict[int, Pod] = {}
        self._beaten = time.monotonic()
        self.status = Status()
        self._trouble = ""

    # -- what others call

    def wake(self) -> None:
        """Something may have changed."""
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether the loop goes round: a step takes some seconds at most."""
        return time.monotonic() - self._beaten < _DEAD

    def image(self, slot: int, version: int) -> Image | None:
        """The rules that a record counts by."""
        found = self._applier.image(slot, version)
        if found is None and version:
            with self._lock:
                pass  # a swap that is not noted down yet is over now
            found = self._applier.image(slot, version)
        return found

    def is_ready(self) -> bool:
        """Whether everything was read and applied once."""
        return self._began.is_set()

    def end(self) -> None:
        self._ends = True
        self._wake.set()

    def started(self, state: Mapping[str, Any]) -> str:
        """A runtime says that a container is about to start: "" when it is judged from now on, else why not."""
        try:
            container = container_of(state, self._tree)
            if container is None:
                return ""
            if not self._began.wait(_BEGINS):
                said = "; ".join(self._source.problems()) or "they were not all read since this daemon started"
                return f"the policies are not known yet: {said}"
            end = time.monotonic() + _KNOWN
            while not self._source.knows(container) and time.monotonic() < end:
                time.sleep(SETTLES)
            with self._lock:
                self._containers.add(container)
                self._cycle()
                failure = self.status.failed.get(container.id)
                return failure.text if failure else ""
        except FAULTS as error:
            return explained(error)

    def knows(self, name: str) -> bool:
        """Whether somebody told of a container."""
        return name in self._containers

    def found(self, container: Container) -> None:
        """A container that runs already, and that no hook told of."""
        with self._lock:
            self._containers.add(container)
            if self.is_ready():
                self._tried(self._cycle)

    def pod(self, record: Record) -> Pod:
        """Who made a record."""
        found = self._pods.get(record.cgroup)
        if found is not None:
            return found
        if record.slot == NODE_SLOT:
            return Pod(Workload(None))
        # in a cgroup below that of its container
        return next((pod for pod in self._pods.values() if pod.slot == record.slot), Pod())

    # -- the loop

    def run(self, period: float, ready: Callable[[], None], beat: Callable[[], None]) -> None:
        """Until `end`: looks at once after `wake`, and every second; compares with the kernel once in a period."""
        said: list[str] = []
        while not self._source.ready():
            # what an earlier daemon enforced goes on meanwhile
            self._beaten = time.monotonic()
            problems = self._source.problems()
            if problems != said:
                said = problems
                self._told(Status(problems=tuple(problems)), Applied())
            self._wake.wait(1.0)
            self._wake.clear()
            if self._ends:
                return
        with self._lock:
            self._source.changed()
            self._tried(self._cycle)
        self._began.set()
        ready()
        compared = time.monotonic()
        while not self._ends:
            self._beaten = time.monotonic()
            if self._wake.wait(1.0):
                time.sleep(SETTLES)
            self._wake.clear()
            with self._lock:
                self._tried(self._look)
                if time.monotonic() - compared >= period:
                    compared = time.monotonic()
                    self._tried(self._compare)
            beat()

    def _look(self) -> None:
        # what failed is tried again, whether anything changed or not
        pending = any(one.cause is Cause.PENDING for one in self.status.failed.values())
        if self._containers.forget() | self._source.changed() or self._trouble or pending:
            self._cycle()

    def _tried(self, step: Callable[[], None]) -> None:
        """What the world does not let a step do is told, and tried again; enforcement goes on meanwhile."""
        try:
            step()
        except FAULTS as error:
            self._trouble = explained(error)
            self._tell(replace(self.status, problems=(*self._source.problems(), self._trouble)), Applied())
        else:
            self._trouble = ""

    def _cycle(self) -> None:
        inputs, desired = self._aim.plan()
        applied = self._applier.apply(desired.wanted)
        applied = replace(applied, failed={**desired.failed, **applied.failed})
        self.policies = {one.key: one for one in inputs.policies}
        self.accepted = desired.accepted
        slots = self._applier.slots()
        self._pods = {
            one.group.id: Pod(one.workload, one.id, one.pod, one.image, slots[one.id])
            for one in inputs.containers
            if one.id in slots
        }
        self._tell(
            Status(
                tuple(_after(one, applied) for one in desired.standings),
                tuple(self._source.problems()),
                len(inputs.containers),
                len(slots) - (NODE in slots),
                dict(applied.failed),
                (*self.status.tampered, *self._applier.found),
            ),
            applied,
        )
        self._applier.found.clear()

    def _compare(self) -> None:
        """Reads back what was written, and writes it again where it differs."""
        found: list[Tampering] = []
        failed: list[Exception] = []
        for part in (self._detached(), *self._applier.comparisons()):
            try:
                # one by one: what cannot be put right is told, too
                for one in part:
                    found.append(one)  # noqa: PERF402  a list that is made at once would be lost
            except FAULTS as error:
                failed.append(error)
        if found or self.status.tampered:
            self._tell(replace(self.status, tampered=tuple(found)), Applied())
        if failed:
            raise failed[0]

    def _detached(self) -> Iterator[Tampering]:
        detached = self._applier.detached()
        for name in detached:
            yield Tampering("", f"program {name} was detached")
        if detached:
            self._reload()

    def _tell(self, status: Status, applied: Applied) -> None:
        if status != self.status or applied.changed:
            self.status = status
            self._told(status, applied)


def _after(one: PolicyStanding, applied: Applied) -> PolicyStanding:
    failed = [name for name in one.workloads if name in applied.failed]
    if not failed:
        return one
    failures = [applied.failed[name] for name in failed]
    # what stays is said before what passes
    first = min(failures, key=lambda failure: failure.cause is Cause.PENDING)
    standing = Standing.REFUSED if len(failed) == len(one.workloads) else Standing.PARTIAL
    if first.cause is Cause.PENDING:
        standing = Standing.PENDING
    return replace(one, standing=standing, failure=first)
