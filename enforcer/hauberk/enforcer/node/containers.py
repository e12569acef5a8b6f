"""The containers of a node, as runtimes tell of them by a hook; forgotten when their cgroup is gone.

Kept in a file: who takes over after a restart must know those that run. The hook (`hauberk-enforcer hook`, OCI
`createRuntime`) waits for the answer, and the runtime for the hook, so no program of a container runs before its
policies are in the kernel.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hauberk.enforcer import aside
from hauberk.enforcer.groups import Tree, exists
from hauberk.enforcer.node.wanted import Container
from hauberk.enforcer.state import Group, workload_document
from hauberk.policy.inputs import parse_workload
from hauberk.policy.loose import mapping
from hauberk.policy.model import Workload
from hauberk.policy.problems import HauberkError

MOST_BYTES = 1 << 20
MOST_CONTAINERS = 4000
_MOST_CONFIG = 16 << 20
_VERSION = 1
_NAMESPACE = ("hauberk.dev/namespace", "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
_POD = ("hauberk.dev/pod", "io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
_NAME = ("hauberk.dev/container", "io.kubernetes.cri.container-name", "io.kubernetes.container.name")
_IMAGE = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
_KIND = ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")
_LABELS = "hauberk.dev/labels"
"""Where there is no cluster: `key=value,key=value`."""


def container_of(state: Mapping[str, Any], tree: Tree) -> Container | None:
    """The container that a runtime's state (OCI runtime specification, "State") tells of; None for a pod's sandbox.

    Raises:
        HauberkError: it is no such state, or its process is gone.

    """
    name, pid = state.get("id"), state.get("pid")
    if not isinstance(name, str) or not name or not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        raise HauberkError("no state of an OCI runtime: it has no `id` or no `pid`")
    annotations = _told(state.get("annotations"))
    if _first(annotations, _KIND) == "sandbox":
        return None
    [group] = tree.named((), (pid,))
    namespace = _first(annotations, _NAMESPACE) or "default"
    workload = Workload(namespace, _labels(annotations.get(_LABELS, "")), _first(annotations, _NAME) or name)
    pod, image = _first(annotations, _POD), _first(annotations, _IMAGE)
    return Container(name, group, pid, workload, pod, image, _root(state.get("bundle"), tree))


def _root(bundle: object, tree: Tree) -> str:
    """Where on the node the runtime makes the root file system: when it calls, it is not the process's root yet.

    Raises:
        HauberkError: the bundle does not say it.

    """
    if bundle is None:
        return ""
    try:
        # the daemon may have another root than the node
        with Path(f"{tree.proc}/1/root{bundle}/config.json").open("rb") as file:
            path = json.loads(file.read(_MOST_CONFIG))["root"]["path"]
        return os.path.normpath(f"{bundle}/{path}" if not str(path).startswith("/") else str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HauberkError(f"{bundle}: the bundle does not say where its root file system is ({error})") from None


def _told(given: object) -> dict[str, str]:
    """Annotations of one writer only: those of others may come from who made the pod."""
    found = {key: value for key, value in mapping(given).items() if isinstance(value, str)}
    chosen: tuple[str, ...] = ("hauberk.dev/",)
    if any(key.startswith("io.kubernetes.cri-o.") for key in found):
        chosen = ("io.kubernetes.cri-o.", "io.kubernetes.pod.", "io.kubernetes.container.")
    elif any(key.startswith("io.kubernetes.cri.") for key in found):
        chosen = ("io.kubernetes.cri.",)
    return {key: value for key, value in found.items() if key.startswith(chosen)}


def _first(annotations: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((annotations[key] for key in keys if annotations.get(key)), "")


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition("=") for part in text.split(",") if part)
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


class Containers:
    """Those that run, by id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found = _read(path)
        self.forget()

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def all(self) -> tuple[Container, ...]:
        return tuple(self._found.values())

    def add(self, container: Container) -> None:
        """One more; a known id is told anew.

        Raises:
            HauberkError: there are too many, or it cannot be written down.

        """
        if len(self._found) >= MOST_CONTAINERS and container.id not in self._found:
            raise HauberkError(f"{MOST_CONTAINERS} containers run already: no more are taken")
        self._found[container.id] = container
        self._write()

    def forget(self) -> bool:
        """Those whose cgroup is gone; whether there were any."""
        gone = [name for name, one in self._found.items() if not exists(one.group)]
        for name in gone:
            del self._found[name]
        if gone:
            self._write()
        return bool(gone)

    def _write(self) -> None:
        documents = [
            # whoever reads this finds the container at work, with its root in place
            {**asdict(one), "workload": workload_document(one.workload), "root": ""}
            for one in self._found.values()
        ]
        aside.write(self._path, json.dumps({"version": _VERSION, "containers": documents}).encode())


def _read(path: Path) -> dict[str, Container]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(data)
        if document["version"] != _VERSION:
            raise HauberkError(f"{path}: has version {document['version']}, this enforcer {_VERSION}: remove it")
        found = [_container(one) for one in document["containers"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HauberkError(f"{path}: is damaged ({error}): remove it, and start containers again") from None
    return {one.id: one for one in found}


def _container(one: Mapping[str, Any]) -> Container:
    group = Group(int(one["group"]["id"]), str(one["group"]["path"]))
    workload = parse_workload(one["workload"])
    return Container(str(one["id"]), group, int(one["pid"]), workload, str(one["pod"]), str(one["image"]))


def with_labels(container: Container, labels: Mapping[str, str]) -> Container:
    """The labels of its pod, which a runtime does not tell."""
    return replace(container, workload=replace(container.workload, labels=tuple(labels.items())))
