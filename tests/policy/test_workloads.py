from __future__ import annotations

from typing import Any

import pytest

from hauberk.policy.containers import Container
from hauberk.policy.model import Expression, Kind, Policy, Posture, Selector, Workload
from hauberk.policy.workloads import (
    Namespace,
    Node,
    Place,
    Pods,
    joined,
    parse_manifest,
    posture_in,
    stand_ins,
    targets_of,
)

PLACE = Place("a.yaml", 1)
TEMPLATE = {
    "metadata": {"labels": {"app": "x"}, "annotations": {"kubearmor-policy": "disabled"}},
    "spec": {
        "containers": [{"name": "one"}, {"name": "two"}],
        "initContainers": [{"name": "first"}],
        "ephemeralContainers": [{"name": "debug"}],
        "hostPID": True,
    },
}


def policy(*labels: tuple[str, str], kind: Kind = Kind.POLICY, expressions: tuple[Expression, ...] = ()) -> Policy:
    return Policy(kind, "p", "ns" if kind is Kind.POLICY else None, Selector(labels, expressions), ())


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Deployment", {"template": TEMPLATE}),
        ("StatefulSet", {"template": TEMPLATE}),
        ("DaemonSet", {"template": TEMPLATE}),
        ("ReplicaSet", {"template": TEMPLATE}),
        ("Job", {"template": TEMPLATE}),
        ("CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}),
    ],
)
def test_pods_of_every_controller(kind: str, spec: dict[str, Any]) -> None:
    pods = parse_manifest({"kind": kind, "metadata": {"name": "web", "namespace": "ns"}, "spec": spec}, PLACE)
    assert pods == Pods(
        kind,
        "web",
        "ns",
        (("app", "x"),),
        ("one", "two"),
        ("first",),
        ("debug",),
        True,
        "disabled",
        PLACE,
        (Container("one"), Container("two")),
    )
    assert isinstance(pods, Pods)
    names = [target.name for target in targets_of(pods)]
    assert names == [f"{kind}/ns/web/one", f"{kind}/ns/web/two"]


def test_a_pod_namespace_and_node() -> None:
    pod = parse_manifest(
        {"kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": TEMPLATE["spec"]}, PLACE
    )
    assert isinstance(pod, Pods)
    assert (pod.namespace, pod.labels) == ("default", (("a", "b"),))
    namespace = parse_manifest(
        {"kind": "Namespace", "metadata": {"name": "n", "annotations": {"k": "v", "x": 1}}}, PLACE
    )
    assert namespace == Namespace("n", (("k", "v"),), PLACE)
    node = parse_manifest({"kind": "Node", "metadata": {"name": "n1", "labels": {"role": "db"}}}, PLACE)
    assert isinstance(node, Node)
    (target,) = targets_of(node)
    assert dict(target.workload.node_labels) == {"role": "db", "kubernetes.io/hostname": "n1"}


@pytest.mark.parametrize(
    "document", [{}, {"kind": 3}, {"kind": "Deployment", "spec": [], "metadata": None}, {"kind": "ConfigMap"}]
)
def test_anything_else_is_taken_calmly(document: dict[str, Any]) -> None:
    found = parse_manifest(document, PLACE)
    assert found is None or (isinstance(found, Pods) and found.containers == ())


def test_stand_ins_are_the_smallest_workloads_that_the_selector_holds_for() -> None:
    (one,) = stand_ins(policy(("app", "x"), ("kubearmor.io/container.name", "[web, side]")))
    assert one.workload == Workload("ns", (("app", "x"),), "web")
    two = stand_ins(
        policy(expressions=(Expression("label", "In", ("app=a", "app=b")), Expression("label", "NotIn", ("t=1",))))
    )
    assert [target.workload.labels for target in two] == [(("app", "a"),), (("app", "b"),)]
    cluster = stand_ins(policy(kind=Kind.CLUSTER, expressions=(Expression("namespace", "In", ("n1", "n2")),)))
    assert [target.workload.namespace for target in cluster] == ["n1", "n2"]
    (host,) = stand_ins(policy(("kubernetes.io/hostname", "*"), kind=Kind.HOST))
    assert host.workload == Workload(None, node_labels=(("kubernetes.io/hostname", "node"),))


def test_many_choices_are_cut() -> None:
    values = tuple(f"app={n}" for n in range(100))
    assert len(stand_ins(policy(expressions=(Expression("label", "In", values),)))) == 8


def test_selectors_that_share_a_label_meet() -> None:
    (a,), (b,), (c,), (d,) = (
        stand_ins(policy(*labels))
        for labels in (
            (("app", "x"), ("tier", "web")),
            (("app", "x"), ("env", "prod")),
            (("app", "y"), ("env", "prod")),
            (("app", "x"),),
        )
    )
    both = joined(a, b)
    assert both is not None
    assert dict(both.workload.labels) == {"app": "x", "tier": "web", "env": "prod"}
    assert joined(a, c) is None
    # one contains the other: its own stand-in is that workload already
    assert joined(a, d) is None


def test_posture_of_annotations_configuration_and_default() -> None:
    namespace = Namespace("n", (("kubearmor-file-posture", "Block"), ("kubearmor-network-posture", "deny")), PLACE)
    posture, annotated = posture_in(namespace, Posture(network="block"))
    assert posture == Posture("block", "block", "audit")
    assert annotated == {"file"}
    assert posture_in(None, Posture())[0] == Posture()
