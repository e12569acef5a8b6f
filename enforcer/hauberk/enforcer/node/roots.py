"""The root file systems in which the links of rules' paths are looked up, each once for each start of a container."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from hauberk.enforcer.node.wanted import NODE, Container
from hauberk.enforcer.resolve import Links


class Roots:
    """A container -> a path as written -> as the kernel knows it there."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._known: dict[tuple[str, int, str], Links] = {}

    def __call__(self, container: Container) -> Callable[[str], str]:
        if container.id == NODE:
            root = f"{self._proc}/1/root"
        else:
            root = f"{self._proc}/{container.pid}/root"
            # while its runtime is at work, its process has the node's root, and its own one stands somewhere in it
            if container.root and self._is_the_nodes(root):
                root += container.root
        return self._known.setdefault((container.id, container.pid, root), Links(Path(root)))

    def keep(self, containers: Collection[str]) -> None:
        """All others have ended."""
        self._known = {key: links for key, links in self._known.items() if key[0] in containers}

    def _is_the_nodes(self, root: str) -> bool:
        try:
            return os.path.samestat(os.stat(f"{root}/"), os.stat(f"{self._proc}/1/root/"))  # noqa: PTH116
        except OSError:
            return False
