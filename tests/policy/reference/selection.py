# ruff: noqa: SIM114  paths of policies; one condition for each clause of the text
"""Which policies select a workload: section 3."""

from __future__ import annotations

import re

from hauberk.policy.model import Workload
from policy.reference.reading import Document

# ------------------------------------------------------------------------------------------------- 3 Selection


def selects(model: str, document: Document, workload: Workload) -> bool:
    kind = document["kind"]
    if kind == "KubeArmorHostPolicy":
        if workload.namespace is not None:
            return False
        wanted = (document["spec"].get("nodeSelector") or {}).get("matchLabels") or {}
        labels = dict(workload.node_labels)
        return bool(wanted) and all(node_label(key, value, labels) for key, value in wanted.items())
    if workload.namespace is None:
        return False
    selector = document["spec"].get("selector") or {}
    labels = dict(workload.labels)
    if model == "kubearmor":  # (a)
        for gone in ("pod-template-hash", "pod-template-generation", "controller-revision-hash"):
            labels.pop(gone, None)
    if kind == "KubeArmorPolicy":
        if workload.namespace != (document["metadata"].get("namespace") or "default"):
            return False
        for key, value in (selector.get("matchLabels") or {}).items():
            if key == "kubearmor.io/container.name" and key not in labels:
                if not container_named(model, value, workload.container):
                    return False
            elif labels.get(key) != value:
                return False
    # KubeArmorClusterPolicy: matchLabels is not a field.
    expressions = selector.get("matchExpressions") or []
    present = {f"{key}={value}" for key, value in labels.items()}
    check = hauberk_expressions if model == "hauberk" else kubearmor_expressions
    return check(kind, expressions, present, workload.namespace)


def node_label(key: str, value: str, labels: dict[str, str]) -> bool:
    if key in ("kubearmor.io/hostname", "kubernetes.io/hostname"):
        # a comma list, `*` = any node that has the label
        names = [name.strip() for name in value.split(",")]
        return key in labels and ("*" in names or labels[key] in names)
    if key in ("kubearmor.io/hostnamereg", "kubernetes.io/hostnamereg"):
        # unsaid: which of the two hostname labels; the one of the same prefix
        hostname = labels.get(key.removesuffix("reg"))
        try:
            return hostname is not None and re.match(value.replace("*", ".*"), hostname) is not None
        except re.error:
            return False
    return labels.get(key) == value


def container_named(model: str, value: str, container: str) -> bool:
    if model == "kubearmor":  # (b) first and last character are dropped blindly; one or two characters: every container
        value = value[1:-1]
    elif value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    names = [name.strip() for name in value.split(",") if name.strip()]
    return not names or container in names


def hauberk_expressions(kind: str, expressions: list[Document], present: set[str], namespace: str) -> bool:
    for expression in expressions:
        values = expression.get("values") or []
        key, operator = expression.get("key"), expression.get("operator")
        if key == "label":
            hits = any("=" in value and value in present for value in values)
        elif key == "namespace" and kind == "KubeArmorClusterPolicy":
            hits = namespace in values
        else:
            return False  # another key, or a namespace key elsewhere, never holds
        if operator not in ("In", "NotIn"):
            return False
        if hits != (operator == "In"):
            return False
    return True


def kubearmor_expressions(kind: str, expressions: list[Document], present: set[str], namespace: str) -> bool:
    inside: list[str] = []  # (c) I
    outside: list[str] = []  # (c) N
    seen_in = False
    namespaces_in: list[str] | None = None
    namespaces_out: list[str] = []
    for expression in expressions:
        values = expression.get("values") or []
        match expression.get("key"), expression.get("operator"):
            case "label", "In":
                inside += values
                seen_in = True
            case "label", "NotIn":
                if not seen_in:
                    outside += values
            case "namespace", "In" if kind == "KubeArmorClusterPolicy":
                namespaces_in = (namespaces_in or []) + values
            case "namespace", "NotIn" if kind == "KubeArmorClusterPolicy":
                namespaces_out += values
            case _:
                pass  # (e)
    if outside:
        labels_match = not any(value in present for value in outside)
    elif inside:
        labels_match = any(value in present for value in inside)
    else:
        labels_match = True
    if namespaces_in is not None:  # (d)
        return labels_match and namespace in namespaces_in
    return labels_match and namespace not in namespaces_out
