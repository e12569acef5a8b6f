"""What is kept of a cluster's objects: names, labels and what selects; the rest is dropped as soon as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hauberk.policy.loose import listing, mapping

Document = dict[str, Any]

_POD_FIELDS = ("containers", "initContainers", "ephemeralContainers")
# controllers give every pod or every revision its own: no two pods would be alike
_OWN_LABELS = frozenset(
    (
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "controller-revision-hash",
        "controller-uid",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    )
)


def kept_namespace(item: Document) -> Document:
    metadata = mapping(item.get("metadata"))
    kept = {key: metadata.get(key) for key in ("name", "labels", "annotations") if metadata.get(key)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": kept}


def kept_pod(pod: Document, selected: set[str]) -> Document:
    metadata, spec = mapping(pod.get("metadata")), mapping(pod.get("spec"))
    labels = {
        key: value
        for key, value in mapping(metadata.get("labels")).items()
        if key in selected or key not in _OWN_LABELS
    }
    policy = mapping(metadata.get("annotations")).get("kubearmor-policy")
    kept: Document = {"name": metadata.get("name"), "namespace": metadata.get("namespace"), "labels": labels}
    if policy is not None:
        kept["annotations"] = {"kubearmor-policy": policy}
    containers = {
        name: [{key: entry[key] for key in ("name", "image") if key in entry} for entry in map(mapping, found)]
        for name in _POD_FIELDS
        if (found := listing(spec.get(name)))
    }
    if spec.get("hostPID") is True:
        containers["hostPID"] = True  # type: ignore[assignment]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": containers}


def selected_keys(policy: Mapping[str, Any]) -> Iterator[str]:
    """Label keys that a selector names, also in `matchExpressions` of the form key, operator, values."""
    selector = mapping(mapping(policy.get("spec")).get("selector"))
    yield from mapping(selector.get("matchLabels"))
    for expression in map(mapping, listing(selector.get("matchExpressions"))):
        for value in listing(expression.get("values")):
            yield str(value).partition("=")[0]
