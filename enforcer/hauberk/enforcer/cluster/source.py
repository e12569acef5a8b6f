"""Policies, namespaces, pods and the node as the API server has them: a source for the daemon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hauberk.enforcer.cluster.reflector import Object, Reflector, Transport
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node.containers import with_labels
from hauberk.enforcer.node.folder import text_digest
from hauberk.enforcer.node.wanted import Container, Inputs, PolicyKey, PolicyObject
from hauberk.enforcer.policies import Given
from hauberk.enforcer.state import Group
from hauberk.policy.loose import listing, mapping
from hauberk.policy.model import GROUP_VERSION, Posture, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.workloads import Namespace, Place, parse_manifest, posture_in

_PLURALS = {
    "KubeArmorPolicy": "kubearmorpolicies",
    "KubeArmorClusterPolicy": "kubearmorclusterpolicies",
    "KubeArmorHostPolicy": "kubearmorhostpolicies",
}
_ID = re.compile(r"^[a-z0-9-]+://([0-9a-f]{12,64})$")


def policy_document(kind: str, one: Mapping[str, Any]) -> Object:
    """What is kept of a policy: its meaning, and what names it."""
    metadata = mapping(one.get("metadata"))
    kept = ("name", "namespace", "annotations", "uid", "generation")
    return {
        "apiVersion": GROUP_VERSION,
        "kind": kind,
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": one.get("spec"),
    }


def pod_document(one: Mapping[str, Any]) -> Object:
    """What is kept of a pod: labels, and the ids of its containers."""
    metadata, status = mapping(one.get("metadata")), mapping(one.get("status"))
    lists = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    containers = [
        {"name": entry.get("name"), "image": entry.get("image"), "id": found[1]}
        for key in lists
        for entry in map(mapping, listing(status.get(key)))
        if mapping(entry.get("state")).get("running") is not None
        and (found := _ID.match(str(entry.get("containerID") or "")))
    ]
    return {
        "metadata": {key: metadata.get(key) for key in ("name", "namespace", "labels")},
        "containers": containers,
    }


def named_document(one: Mapping[str, Any]) -> Object:
    """What is kept of a namespace or node."""
    metadata = mapping(one.get("metadata"))
    return {"metadata": {key: metadata.get(key) for key in ("name", "labels", "annotations", "uid")}}


class ClusterSource:
    """Watches from `start` on; `wake` is called when something came that may matter."""

    def __init__(self, api: Transport, node: str, posture: Posture, wake: Callable[[], None], tree: Tree) -> None:
        self._posture, self._tree, self._node = posture, tree, node
        self._changes = 0
        self._seen = -1

        def changed() -> None:
            self._changes += 1
            wake()

        base = f"/apis/{GROUP_VERSION}"
        self.policies_of = {
            kind: Reflector(api, f"{base}/{plural}", partial(policy_document, kind), changed)
            for kind, plural in _PLURALS.items()
        }
        self.namespaces = Reflector(api, "/api/v1/namespaces", named_document, changed)
        on_node = {"fieldSelector": f"spec.nodeName={node}"}
        self.pods = Reflector(api, "/api/v1/pods", pod_document, changed, on_node)
        only = {"fieldSelector": f"metadata.name={node}"}
        self.nodes = Reflector(api, "/api/v1/nodes", named_document, changed, only)

    @property
    def reflectors(self) -> tuple[Reflector, ...]:
        return (*self.policies_of.values(), self.namespaces, self.pods, self.nodes)

    def start(self) -> None:
        for one in self.reflectors:
            one.start()

    def end(self) -> None:
        for one in self.reflectors:
            one.end()

    def ready(self) -> bool:
        """Whether everything was listed once: before that, nothing may be taken for gone."""
        return all(one.synced for one in self.reflectors)

    def staleness(self) -> float:
        """Seconds since the kind that was heard longest ago was heard."""
        return max(one.staleness() for one in self.reflectors)

    def knows(self, container: Container) -> bool:
        return not container.pod or self.pods.find(container.workload.namespace or "", container.pod) is not None

    def changed(self) -> bool:
        now = self._changes
        if now == self._seen or not self.ready():
            return False
        self._seen = now
        return True

    def problems(self) -> list[str]:
        said = [one.error for one in self.reflectors if one.error]
        if self.ready() and self.nodes.find("", self._node) is None:
            said.append(
                f"the API server has no Node {self._node}, so its labels and pods are not known: --node names it"
            )
        return said

    def node_uid(self) -> str:
        """What the API server tells Nodes of one name apart by, "" while it is not known."""
        return str(mapping((self.nodes.find("", self._node) or {}).get("metadata")).get("uid") or "")

    def policies(self) -> Iterator[PolicyObject]:
        for reflector in self.policies_of.values():
            for document in reflector.objects():
                found = policy_object(document)
                if found is not None:
                    yield found

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        found: dict[PolicyKey, PolicyObject] = {}
        for one in (policy_object(one.document) for one in given):
            # containers hold several versions where a swap failed: the last of them counts
            if one is not None and (one.key not in found or one.generation >= found[one.key].generation):
                found[one.key] = one
        return tuple(found.values())

    def postures(self) -> dict[str, Posture]:
        found: dict[str, Posture] = {}
        for document in self.namespaces.objects():
            namespace = parse_manifest({"kind": "Namespace", **document}, Place("", 0))
            if isinstance(namespace, Namespace):
                found[namespace.name] = posture_in(namespace, self._posture)[0]
        return found

    def fill(self, containers: tuple[Container, ...]) -> Inputs:
        node = self.nodes.find("", self._node)
        labels = _labels(node) if node else {}
        told = {one.id: self._labelled(one) for one in containers}
        for found in self._found(set(told)):
            told[found.id] = found
        return Inputs(
            tuple(sorted(self.policies(), key=lambda one: (one.key.kind, one.key.namespace, one.key.name))),
            self.postures(),
            self._posture,
            tuple(labels.items()),
            tuple(told.values()),
        )

    def _labelled(self, container: Container) -> Container:
        pod = self.pods.find(container.workload.namespace or "", container.pod)
        if pod is None:
            return container
        return with_labels(container, _labels(pod))

    def _found(self, known: set[str]) -> Iterator[Container]:
        """Containers that no hook told of, as their pods' status names them: by the id in their cgroup's name."""
        wanted = {
            str(entry["id"]): (pod, entry)
            for pod in self.pods.objects()
            for entry in pod["containers"]
            if entry["id"] not in known
        }
        if not wanted:
            return
        # the shallowest first: below it, a container may name cgroups as it likes
        for number, path in sorted(self._tree.ids().items(), key=lambda one: one[1].count("/")):
            found = re.search(r"[0-9a-f]{12,64}", Path(path).name)
            if found is None or found[0] not in wanted:
                continue
            pod, entry = wanted.pop(found[0])
            metadata = mapping(pod["metadata"])
            labels = tuple(_labels(pod).items())
            workload = Workload(str(metadata["namespace"]), labels, str(entry["name"]))
            pid = _first_process(Path(path))
            if pid:
                yield Container(
                    found[0],
                    Group(number, path),
                    pid,
                    workload,
                    str(metadata["name"]),
                    str(entry["image"] or ""),
                )


def policy_object(document: Object) -> PolicyObject | None:
    """Of a `policy_document`; None if there is no policy in it."""
    policy = parse_policy(document)
    if policy is None:
        return None
    metadata = mapping(document.get("metadata"))
    key = PolicyKey(policy.kind.value, str(metadata.get("namespace") or ""), policy.name)
    given = Given(str(key), 1, {}, document)
    digest = text_digest({"spec": document.get("spec"), "namespace": key.namespace})
    generation = metadata.get("generation")
    uid = str(metadata.get("uid") or "")
    return PolicyObject(key, digest, given, policy, generation if isinstance(generation, int) else 0, uid)


def _first_process(group: Path) -> int:
    try:
        return int((group / "cgroup.procs").read_text(encoding="ascii").split(maxsplit=1)[0])
    except (OSError, IndexError, ValueError):
        return 0


def _labels(one: Mapping[str, Any]) -> dict[str, str]:
    labels = mapping(mapping(one.get("metadata")).get("labels"))
    return {key: value for key, value in labels.items() if isinstance(value, str)}
