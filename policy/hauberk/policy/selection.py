"""Which workloads a policy selects (semantics, section 3), by either model."""

from __future__ import annotations

from collections.abc import Iterable

from hauberk.policy.hostnames import matches_beginning
from hauberk.policy.model import Expression, Kind, Model, Policy, Workload

CONTAINER_NAME = "kubearmor.io/container.name"
_HOSTNAMES = ("kubearmor.io/hostname", "kubernetes.io/hostname")
_HOSTNAME_PATTERNS = tuple(f"{key}reg" for key in _HOSTNAMES)

# Labels that KubeArmor strips from pods before it looks at them.
_UNKNOWN_TO_KUBEARMOR = frozenset(("pod-template-hash", "pod-template-generation", "controller-revision-hash"))

Labels = dict[str, str]


def selects(model: Model, policy: Policy, workload: Workload) -> bool:
    """Whether the policy applies to the workload."""
    if policy.kind is Kind.HOST:
        return workload.namespace is None and _node_matches(policy, dict(workload.node_labels))
    if workload.namespace is None:
        return False
    if policy.kind is Kind.POLICY and workload.namespace != policy.effective_namespace:
        return False
    labels = dict(workload.labels)
    if model is Model.KUBEARMOR:
        for key in _UNKNOWN_TO_KUBEARMOR:
            labels.pop(key, None)
    # matchLabels is no field of the cluster kind, whoever built the value.
    if policy.kind is Kind.POLICY and not all(
        _label_matches(model, key, value, labels, workload.container) for key, value in policy.selector.match_labels
    ):
        return False
    expressions = policy.selector.expressions
    if not expressions:
        return True
    present = {f"{key}={value}" for key, value in labels.items()}
    if model is Model.HAUBERK:
        return all(_holds(expression, policy.kind, present, workload.namespace) for expression in expressions)
    return _kubearmor_labels(expressions, present) and (
        policy.kind is Kind.POLICY or _kubearmor_namespaces(expressions, workload.namespace)
    )


def _label_matches(model: Model, key: str, value: str, labels: Labels, container: str) -> bool:
    if key in labels or key != CONTAINER_NAME:
        return labels.get(key) == value
    names = container_names(model, value)
    return not names or container in names


def container_names(model: Model, value: str) -> frozenset[str]:
    """The containers that a value of `kubearmor.io/container.name` lists; empty means every container."""
    if model is Model.KUBEARMOR:
        value = value[1:-1]
    else:
        value = value.strip()
        if value.startswith("[") and value.endswith("]"):
            value = value[1:-1]
    return frozenset(_items(value))


def _items(value: str) -> Iterable[str]:
    return (stripped for item in value.split(",") if (stripped := item.strip()))


def _holds(expression: Expression, kind: Kind, present: set[str], namespace: str) -> bool:
    match expression.key:
        case "label":
            found = any(value in present for value in expression.values)
        case "namespace" if kind is Kind.CLUSTER:
            found = namespace in expression.values
        case _:
            return False
    match expression.operator:
        case "In":
            return found
        case "NotIn":
            return not found
        case _:
            return False


def _kubearmor_labels(expressions: Iterable[Expression], present: set[str]) -> bool:
    wanted: set[str] = set()
    unwanted: set[str] = set()
    any_in = False
    for expression in expressions:
        match expression.key, expression.operator:
            case "label", "In":
                any_in = True
                wanted.update(expression.values)
            case "label", "NotIn" if not any_in:
                unwanted.update(expression.values)
            case _:
                pass
    if unwanted:
        return unwanted.isdisjoint(present)
    return not wanted or not wanted.isdisjoint(present)


def _kubearmor_namespaces(expressions: Iterable[Expression], namespace: str) -> bool:
    wanted: set[str] = set()
    unwanted: set[str] = set()
    any_in = False
    for expression in expressions:
        match expression.key, expression.operator:
            case "namespace", "In":
                any_in = True
                wanted.update(expression.values)
            case "namespace", "NotIn":
                unwanted.update(expression.values)
            case _:
                pass
    return namespace in wanted if any_in else namespace not in unwanted


def _node_matches(policy: Policy, labels: Labels) -> bool:
    wanted = policy.selector.match_labels
    return bool(wanted) and all(_node_label_matches(key, value, labels) for key, value in wanted)


def _node_label_matches(key: str, value: str, labels: Labels) -> bool:
    if key in _HOSTNAME_PATTERNS:
        hostname = labels.get(key.removesuffix("reg"))
        return hostname is not None and matches_beginning(value, hostname)
    given = labels.get(key)
    if given is None:
        return False
    if key in _HOSTNAMES:
        return any(item in ("*", given) for item in _items(value))
    return given == value
