"""Objects of a rendered set: which file each is in, and the order in which a cluster must take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hauberk.cli.gitops.folder import Command, marker
from hauberk.cli.gitops.yamltext import to_yaml
from hauberk.policy.canonical import NAMESPACED
from hauberk.policy.problems import HauberkError

FOLDERS = {
    "KubeArmorPolicy": "policies",
    "KubeArmorClusterPolicy": "cluster-policies",
    "KubeArmorHostPolicy": "host-policies",
    "KubeArmorNetworkPolicy": "network-policies",
}
"""Kinds of policies in the order in which they are written."""

# what the API server takes as names; they become names of files here
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


@dataclass(frozen=True, slots=True)
class File:
    """`wave`: files of a lower one must be in the cluster first; None for what the set itself does not apply."""

    path: str
    value: Mapping[str, Any]
    wave: int | None


CRD_WAVE, ADMISSION_WAVE, NAMESPACE_WAVE, POLICY_WAVE, BUNDLE_WAVE = -30, -20, -10, 0, 10


def policy_file(value: Mapping[str, Any], place: str) -> File:
    """The file of a canonical policy; `place` is where its source is. Raises HauberkError for a name that is none."""
    kind, metadata = value["kind"], value["metadata"]
    parts = [FOLDERS[kind], *([metadata["namespace"]] if kind in NAMESPACED else ()), metadata["name"]]
    for part in parts[1:]:
        if not is_name(part):
            raise HauberkError(f"{place}: {part!r} is not a name that the API server takes: rename it")
    return File("/".join(parts) + ".yaml", value, POLICY_WAVE)


def is_name(name: object) -> bool:
    return isinstance(name, str) and len(name) <= 253 and _NAME.match(name) is not None


def in_order(files: Iterable[File]) -> list[File]:
    """By wave, kind and name: the order of `kustomization.yaml` and of --stdout."""
    folders = list(FOLDERS.values())

    def key(file: File) -> tuple[int, int, str]:
        folder = file.path.partition("/")[0]
        return file.wave or 0, folders.index(folder) if folder in folders else -1, file.path

    return sorted((file for file in files if file.wave is not None), key=key)


def kustomization(files: Iterable[File]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [file.path for file in in_order(files)],
    }


def texts(files: Iterable[File], command: Command) -> dict[str, str]:
    """Bytes to write, by name."""
    return {file.path: f"{marker(command)}\n{to_yaml(file.value)}" for file in files}


def stream(files: Iterable[File]) -> str:
    """All objects as one text of several documents."""
    return "---\n".join(to_yaml(file.value) for file in in_order(files))
