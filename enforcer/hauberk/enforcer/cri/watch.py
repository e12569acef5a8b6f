"""Tells the daemon of containers that run: those that were there before it, and those that no hook tells of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cri.runtime import Running, Runtime
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node.wanted import Container
from hauberk.policy.model import Workload
from hauberk.policy.problems import HauberkError

EVERY = 30.0
"""Seconds after which all are listed again, events or not: a runtime may lose some."""


class Found(Protocol):
    """What is done with containers."""

    def knows(self, name: str) -> bool: ...

    def found(self, container: Container) -> None: ...


class Watch:
    """Lists, and lists again after each event; two threads, as an event may come while a list is made."""

    def __init__(self, runtime: Runtime, tree: Tree, sink: Found, said: Callable[[str], None]) -> None:
        """`said` is told why the runtime is not heard, once for each reason, and "" when it is heard again."""
        self._runtime, self._tree, self._sink, self._said = runtime, tree, sink, said
        self._ends, self._wake = threading.Event(), threading.Event()
        self._trouble = ""
        self._threads = [threading.Thread(target=one, name="cri", daemon=True) for one in (self._list, self._listen)]

    def start(self) -> None:
        for one in self._threads:
            one.start()

    def close(self) -> None:
        self._ends.set()
        self._wake.set()
        self._runtime.close()

    @property
    def trouble(self) -> str:
        """Why the runtime is not heard now."""
        return self._trouble

    def look(self) -> None:
        """Tells of each container that runs and is not known. Raises HauberkError when the runtime does not answer."""
        for one in self._runtime.running():
            if not self._sink.knows(one.id):
                self._tell(one)

    def _tell(self, one: Running) -> None:
        pid = self._runtime.pid(one.id)
        if not pid:
            return  # it has ended meanwhile
        try:
            [group] = self._tree.named((), (pid,))
        except HauberkError:
            return  # the same, a moment later; or a cgroup that none of ours is told of
        workload = Workload(one.namespace, one.labels, one.name)
        self._sink.found(Container(one.id, group, pid, workload, one.pod, one.image))

    def _list(self) -> None:
        backoff = Backoff(most=10.0)
        while not self._ends.is_set():
            try:
                self.look()
            except (HauberkError, OSError) as error:
                # OSError: what is known of containers could not be written down; a thread that ends tells of no more
                self._say(str(error))
                self._ends.wait(backoff.next())
                continue
            self._say("")
            backoff.reset()
            self._wake.wait(EVERY)
            self._wake.clear()

    def _listen(self) -> None:
        backoff = Backoff(most=10.0)
        while not self._ends.is_set():
            try:
                for _ in self._runtime.events():
                    backoff.reset()
                    self._wake.set()
            except HauberkError:
                pass  # the list says it, and goes on by itself where a runtime has no events
            self._wake.set()
            self._ends.wait(backoff.next())

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._said(trouble)
