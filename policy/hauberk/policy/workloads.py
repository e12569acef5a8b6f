"""Kubernetes manifests of the repository -> what policies can select, and stand-ins where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from hauberk.policy.containers import Container, containers_of
from hauberk.policy.loose import listing, mapping
from hauberk.policy.model import Kind, Policy, Posture, Workload

CONTAINER_NAME = "kubearmor.io/container.name"
MAX_STAND_INS = 8

_POD_AT: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_HOST_NAMES = (
    "kubearmor.io/hostname",
    "kubernetes.io/hostname",
    "kubearmor.io/hostnamereg",
    "kubernetes.io/hostnamereg",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands; `line` counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Pods:
    """A manifest that makes pods, all alike."""

    kind: str
    name: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    containers: tuple[str, ...]
    init_containers: tuple[str, ...]
    ephemeral_containers: tuple[str, ...]
    host_pid: bool
    kubearmor_policy: str | None
    place: Place
    specs: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str
    annotations: tuple[tuple[str, str], ...]
    place: Place

    def annotation(self, key: str) -> str | None:
        return dict(self.annotations).get(key)


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    labels: tuple[tuple[str, str], ...]
    place: Place


Manifest = Pods | Namespace | Node


def parse_manifest(document: Mapping[str, Any], place: Place) -> Manifest | None:
    """The manifest, or None for a kind that no policy selects by; never raises."""
    kind = document.get("kind")
    metadata = mapping(document.get("metadata"))
    name = metadata.get("name")
    name = name if isinstance(name, str) else str(metadata.get("generateName", ""))
    if kind == "Namespace":
        return Namespace(name, _strings(metadata.get("annotations")), place)
    if kind == "Node":
        return Node(name, _strings(metadata.get("labels")), place)
    if not isinstance(kind, str) or kind not in _POD_AT:
        return None
    pod: Mapping[str, Any] = document
    for step in _POD_AT[kind]:
        pod = mapping(pod.get(step))
    spec, pod_metadata = mapping(pod.get("spec")), mapping(pod.get("metadata"))
    namespace = metadata.get("namespace")
    return Pods(
        kind=kind,
        name=name,
        namespace=namespace if isinstance(namespace, str) and namespace else "default",
        labels=_strings(pod_metadata.get("labels")),
        containers=_names(spec.get("containers")),
        init_containers=_names(spec.get("initContainers")),
        ephemeral_containers=_names(spec.get("ephemeralContainers")),
        host_pid=spec.get("hostPID") is True,
        kubearmor_policy=dict(_strings(pod_metadata.get("annotations"))).get("kubearmor-policy"),
        place=place,
        specs=containers_of(spec.get("containers")),
    )


def _strings(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((key, text) for key, text in mapping(value).items() if isinstance(text, str))


def _names(value: object) -> tuple[str, ...]:
    names = (mapping(entry).get("name") for entry in listing(value))
    return tuple(name for name in names if isinstance(name, str))


@dataclass(frozen=True, slots=True)
class Target:
    """A workload with a name for messages, and the manifest it comes from (None for a stand-in)."""

    workload: Workload
    name: str
    manifest: Pods | Node | None = None


def targets_of(manifest: Pods | Node) -> Iterator[Target]:
    """One target for each container of a pod; the node for a Node."""
    if isinstance(manifest, Node):
        labels = dict(manifest.labels)
        labels.setdefault("kubernetes.io/hostname", manifest.name)
        yield Target(Workload(None, node_labels=tuple(labels.items())), f"Node/{manifest.name}", manifest)
        return
    for container in manifest.containers:
        name = f"{manifest.kind}/{manifest.namespace}/{manifest.name}/{container}"
        yield Target(Workload(manifest.namespace, manifest.labels, container), name, manifest)


def stand_ins(policy: Policy) -> list[Target]:
    """The smallest workloads that the policy's selector holds for: one for each way to choose from its `In` lists."""
    if policy.kind is Kind.HOST:
        labels = tuple((key, _some_host(key, value)) for key, value in policy.selector.match_labels)
        return [Target(Workload(None, node_labels=labels), _name("node", policy.selector.match_labels))]
    labels = tuple(pair for pair in policy.selector.match_labels if pair[0] != CONTAINER_NAME)
    container = _first_item(dict(policy.selector.match_labels).get(CONTAINER_NAME, ""))
    choices: list[tuple[str, ...]] = []
    namespaces: tuple[str, ...] = (policy.effective_namespace or "default",)
    for expression in policy.selector.expressions:
        if expression.operator == "In" and expression.key == "label":
            choices.append(tuple(value for value in expression.values if "=" in value) or ("",))
        elif expression.operator == "In" and expression.key == "namespace" and policy.kind is Kind.CLUSTER:
            namespaces = expression.values or namespaces
    found: list[Target] = []
    for namespace, *values in product(namespaces, *choices):
        pairs = [(key, text) for key, _, text in (value.partition("=") for value in values if value)]
        chosen = dict(labels) | dict(pairs)
        workload = Workload(namespace, tuple(chosen.items()), container)
        found.append(Target(workload, _name(f"pods in {namespace}", workload.labels)))
        if len(found) == MAX_STAND_INS:
            break
    return found


def joined(left: Target, right: Target) -> Target | None:
    """A workload that both stand-ins describe: they share a label and contradict in none; None if they do not meet."""
    first, second = left.workload, right.workload
    if first.namespace != second.namespace or first.namespace is None:
        return None
    if first.container and second.container and first.container != second.container:
        return None
    a, b = dict(first.labels), dict(second.labels)
    shared = a.keys() & b.keys()
    if not shared or any(a[key] != b[key] for key in shared) or a.keys() <= b.keys() or b.keys() <= a.keys():
        return None
    labels = tuple(sorted((a | b).items()))
    workload = Workload(first.namespace, labels, first.container or second.container)
    return Target(workload, _name(f"pods in {first.namespace}", labels))


def _first_item(value: str) -> str:
    return value.strip("[]").split(",")[0].strip()


def _some_host(key: str, value: str) -> str:
    """A node name that the special keys of nodeSelector accept."""
    if key not in _HOST_NAMES:
        return value
    return value.split(",", maxsplit=1)[0].strip().replace("*", "") or "node"


def _name(what: str, labels: tuple[tuple[str, str], ...]) -> str:
    return f"{what} with {', '.join(f'{key}={value}' for key, value in labels)}" if labels else f"all {what}"


POSTURE_ANNOTATIONS = {
    "file": "kubearmor-file-posture",
    "network": "kubearmor-network-posture",
    "capabilities": "kubearmor-capabilities-posture",
}


def posture_in(namespace: Namespace | None, configured: Posture) -> tuple[Posture, frozenset[str]]:
    """The posture that holds, and which of its fields come from the namespace's annotations.

    A value other than audit and block (any case) counts as absent: the daemon rewrites it to the global value.
    """
    values = {"file": configured.file, "network": configured.network, "capabilities": configured.capabilities}
    annotated: set[str] = set()
    for field, key in POSTURE_ANNOTATIONS.items():
        value = (namespace.annotation(key) or "").lower() if namespace else ""
        if value in ("audit", "block"):
            values[field] = value
            annotated.add(field)
    return Posture(**values), frozenset(annotated)
