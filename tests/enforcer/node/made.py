"""Policies and containers made up for tests of the daemon."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hauberk.enforcer.kernel.errors import KernelError, TooLargeError
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import Settings
from hauberk.enforcer.node.folder import text_digest
from hauberk.enforcer.node.wanted import Container, Planner, PolicyKey, PolicyObject
from hauberk.enforcer.policies import Given
from hauberk.enforcer.state import Group
from hauberk.policy.model import Workload
from hauberk.policy.parse import parse_policy

WEB = Workload("web", (("app", "nginx"),), "nginx")
LS = "process: {matchPaths: [{path: /bin/ls}]}\naction: Block"
SYSCALLS = "syscalls: {matchSyscalls: [{syscall: [unlink]}]}\naction: Block"
DNS = "network: {matchProtocols: [{protocol: tcp, action: Allow}]}\naction: Block"
ARGUMENTS = "process: {matchPaths: [{path: /bin/sh, allowedArgs: ['-c']}]}\naction: Allow"


def policy(spec: str, name: str = "p", kind: str = "KubeArmorPolicy", **selector: Any) -> PolicyObject:
    document: dict[str, Any] = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": kind,
        "metadata": {"name": name, **({"namespace": "web"} if kind == "KubeArmorPolicy" else {})},
        "spec": {"selector": {"matchLabels": selector or {"app": "nginx"}}, **yaml.safe_load(spec)},
    }
    if kind == "KubeArmorHostPolicy":
        document["spec"]["nodeSelector"] = document["spec"].pop("selector")
    parsed = parse_policy(document)
    assert parsed is not None
    key = PolicyKey(kind, "web" if kind == "KubeArmorPolicy" else "", name)
    return PolicyObject(key, text_digest(document), Given(f"{name}.yaml", 1, {}, document), parsed)


def container(number: int, workload: Workload = WEB) -> Container:
    return Container(f"c{number}", Group(100 + number, f"/sys/fs/cgroup/{number}"), 1000 + number, workload)


def planner(links: dict[str, str] | None = None) -> Planner:
    return Planner(lambda _: lambda path: (links or {}).get(path, path))


class Kernel:
    """A stand-in: remembers what it is told, and which calls change anything."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[int, Image]] = {}
        self.registered: dict[int, int] = {}
        self.calls: list[str] = []
        self.full = False
        self.without_memory = False
        self.now = self.written = Settings(burst=100, window=10**9)
        self._next = 10

    def settings(self) -> Settings:
        return self.now

    def expect(self, cgroups: Iterable[Path], *, node: bool) -> None:
        pass

    def settings_differ(self) -> bool:
        return self.now != self.written

    def restore_settings(self) -> None:
        self.now = self.written

    def set_policy(self, slot: int, image: Image) -> None:
        if self.full:
            raise TooLargeError("the policy takes 2 MB of kernel memory, the bound is 1 MB")
        if self.without_memory:
            raise KernelError(errno.ENOMEM, "create map hbk_policy")
        self.calls.append(f"set {slot}")
        self._next += 1
        self.held[slot] = (self._next, image)

    def clear_policy(self, slot: int) -> bool:
        self.calls.append(f"clear {slot}")
        return self.held.pop(slot, None) is not None

    def register(self, cgroup: Path, slot: int) -> None:
        self.calls.append(f"register {cgroup.name}")
        number = cgroup.stat().st_ino if cgroup.exists() else 100 + int(cgroup.name)
        self.registered[number] = slot

    def unregister(self, number: int) -> bool:
        self.calls.append(f"unregister {number - 100}")
        return self.registered.pop(number, None) is not None

    def containers(self) -> dict[int, int]:
        return dict(self.registered)

    def slots(self) -> Iterable[int]:
        return tuple(self.held)

    def free_slot(self) -> int:
        return next(slot for slot in range(1, 100) if slot not in {*self.held, *self.registered.values()})

    def version(self, slot: int) -> int:
        return self.held[slot][0] if slot in self.held else 0

    def digest(self, slot: int) -> str:
        return repr(self.held[slot][1])

    def holds(self, slot: int, image: Image) -> bool:
        return slot in self.held and self.held[slot][1] == image
