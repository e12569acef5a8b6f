"""The root file systems in which the links of rules' paths are looked up, each path once for each start of a container.

A container may change its links after its start. A rule goes on to mean what its path led to when it was first looked
up, after a restart of the daemon, too: else a container could lead it elsewhere, and have what it meant to itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from hauberk.enforcer.node.wanted import NODE, Container
from hauberk.enforcer.resolve import Links, written
from hauberk.enforcer.state import State

_NODE = 0


class Roots:
    """A container -> a path as written -> as the kernel knows it there."""

    def __init__(self, before: State | None = None, proc: Path = Path("/proc")) -> None:
        """`before` is what an earlier daemon enforced."""
        self._proc = proc
        self._known: dict[int, dict[str, str]] = {}
        for held in before.slots.values() if before else ():
            links = held.now.links
            asked = {path for given in held.now.policies for path in written(given.policy)}.difference(held.now.unread)
            paths = {path: links.get(path, path) for path in asked}
            for group in held.groups:
                self._known[group.id] = dict(paths)

    def __call__(self, container: Container) -> Callable[[str], str]:
        known = self._known.setdefault(container.group.id, {})
        links = Links(Path(self._root(container)))

        def resolve(path: str) -> str:
            if path not in known:
                known[path] = links(path)
            return known[path]

        return resolve

    def keep(self, containers: Collection[Container]) -> None:
        """All others have ended."""
        groups = {one.group.id for one in containers} | {_NODE}
        self._known = {group: known for group, known in self._known.items() if group in groups}

    def _root(self, container: Container) -> str:
        if container.id == NODE:
            return f"{self._proc}/1/root"
        root = f"{self._proc}/{container.pid}/root"
        # while its runtime is at work, its process has the node's root, and its own one stands somewhere in it
        return root + container.root if container.root and self._is_the_nodes(root) else root

    def _is_the_nodes(self, root: str) -> bool:
        try:
            return os.path.samestat(os.stat(f"{root}/"), os.stat(f"{self._proc}/1/root/"))  # noqa: PTH116
        except OSError:
            return False
