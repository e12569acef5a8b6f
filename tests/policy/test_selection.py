from __future__ import annotations

from typing import Any

import pytest

from hauberk.policy.hostnames import matches_beginning
from hauberk.policy.model import Model, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.selection import selects
from support import ends

BOTH = (True, True)
NEITHER = (False, False)
HAUBERK_ONLY = (True, False)
KUBEARMOR_ONLY = (False, True)

POD = Workload("default", (("app", "w"), ("tier", "db"), ("pod-template-hash", "h1")), "nginx")
NODE = Workload(None, node_labels=(("kubernetes.io/hostname", "node-42"), ("kubernetes.io/os", "linux")))


def chosen(
    spec: dict[str, Any],
    workload: Workload = POD,
    kind: str = "KubeArmorPolicy",
    namespace: str | None = None,
) -> tuple[bool, bool]:
    policy = parse_policy({"kind": kind, "metadata": {"namespace": namespace}, "spec": spec})
    assert policy is not None
    return selects(Model.HAUBERK, policy, workload), selects(Model.KUBEARMOR, policy, workload)


def labels(**given: str) -> dict[str, Any]:
    return {"selector": {"matchLabels": given}}


def expressions(*given: tuple[str, str, list[str]]) -> dict[str, Any]:
    listed = [{"key": key, "operator": operator, "values": values} for key, operator, values in given]
    return {"selector": {"matchExpressions": listed}}


@pytest.mark.parametrize(("namespace", "expected"), [(None, BOTH), ("default", BOTH), ("", BOTH), ("other", NEITHER)])
def test_a_policy_selects_in_its_namespace(namespace: str | None, expected: tuple[bool, bool]) -> None:
    assert chosen({}, namespace=namespace) == expected


def test_container_policies_never_select_the_node_nor_node_policies_a_container() -> None:
    assert chosen({}, NODE) == NEITHER
    assert chosen({}, NODE, "KubeArmorClusterPolicy") == NEITHER
    selector = {"nodeSelector": {"matchLabels": {"app": "w"}}}
    assert chosen(selector, POD, "KubeArmorHostPolicy") == NEITHER


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, BOTH),
        ({"app": "w"}, BOTH),
        ({"app": "w", "tier": "db"}, BOTH),
        ({"app": "w", "tier": "web"}, NEITHER),
        ({"pod-template-hash": "h1"}, HAUBERK_ONLY),
    ],
)
def test_match_labels(given: dict[str, str], expected: tuple[bool, bool]) -> None:
    assert chosen(labels(**given)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[nginx]", BOTH),
        ("[ sidecar , nginx ]", BOTH),
        ("[sidecar]", NEITHER),
        ("[]", BOTH),
        ("[ , ]", BOTH),
        ("nginx", HAUBERK_ONLY),
        ("a,nginx", HAUBERK_ONLY),
        ("sidecar, nginx", HAUBERK_ONLY),
        ("xnginxx", KUBEARMOR_ONLY),
        ("ab", KUBEARMOR_ONLY),
        ("", BOTH),
    ],
)
def test_container_names(value: str, expected: tuple[bool, bool]) -> None:
    assert chosen(labels(**{"kubearmor.io/container.name": value})) == expected


def test_a_container_name_that_is_a_label_is_compared() -> None:
    pod = Workload("default", (("kubearmor.io/container.name", "web"),), "nginx")
    assert chosen(labels(**{"kubearmor.io/container.name": "web"}), pod) == BOTH
    assert chosen(labels(**{"kubearmor.io/container.name": "[nginx]"}), pod) == NEITHER


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("label", "In", ["app=w", "app=v"])], BOTH),
        ([("label", "In", ["app=v"])], NEITHER),
        ([("label", "In", ["app"])], NEITHER),
        ([("label", "In", [])], KUBEARMOR_ONLY),
        ([("label", "NotIn", ["app=w"])], NEITHER),
        ([("label", "NotIn", ["app"])], BOTH),
        ([("label", "NotIn", [])], BOTH),
        ([("label", "In", ["app=w"]), ("label", "NotIn", ["tier=db"])], KUBEARMOR_ONLY),
        ([("label", "NotIn", ["tier=db"]), ("label", "In", ["app=w"])], NEITHER),
        ([("label", "NotIn", ["tier=web"]), ("label", "In", ["app=v"])], KUBEARMOR_ONLY),
        ([("label", "In", ["app=w"]), ("label", "In", ["tier=web"])], KUBEARMOR_ONLY),
        ([("label", "", ["app=v"])], KUBEARMOR_ONLY),
        ([("label", "in", ["app=w"])], KUBEARMOR_ONLY),
        ([("Label", "In", ["app=w"])], KUBEARMOR_ONLY),
        ([("namespace", "In", ["default"])], KUBEARMOR_ONLY),
        ([("label", "In", ["pod-template-hash=h1"])], HAUBERK_ONLY),
        ([("label", "NotIn", ["pod-template-hash=h1"])], KUBEARMOR_ONLY),
    ],
)
def test_match_expressions(given: list[tuple[str, str, list[str]]], expected: tuple[bool, bool]) -> None:
    assert chosen(expressions(*given)) == expected


def test_labels_and_expressions_must_both_hold() -> None:
    spec = expressions(("label", "In", ["app=w"]))
    spec["selector"]["matchLabels"] = {"tier": "web"}
    assert chosen(spec) == NEITHER


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], BOTH),
        ([("namespace", "In", ["default", "x"])], BOTH),
        ([("namespace", "In", ["x"])], NEITHER),
        ([("namespace", "NotIn", ["x"])], BOTH),
        ([("namespace", "NotIn", ["default"])], NEITHER),
        ([("namespace", "NotIn", ["default"]), ("namespace", "In", ["default"])], KUBEARMOR_ONLY),
        ([("namespace", "In", ["x"]), ("namespace", "In", ["default"])], KUBEARMOR_ONLY),
        ([("namespace", "NotIn", ["x"]), ("namespace", "NotIn", ["default"])], NEITHER),
        ([("namespace", "In", ["default"]), ("label", "In", ["app=w"])], BOTH),
        ([("namespace", "In", ["default"]), ("label", "In", ["app=v"])], NEITHER),
        ([("namespace", "Exists", ["default"])], KUBEARMOR_ONLY),
    ],
)
def test_cluster_policies(given: list[tuple[str, str, list[str]]], expected: tuple[bool, bool]) -> None:
    assert chosen(expressions(*given), kind="KubeArmorClusterPolicy") == expected


def test_match_labels_are_no_field_of_cluster_policies() -> None:
    assert chosen(labels(app="v"), kind="KubeArmorClusterPolicy") == BOTH


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, NEITHER),
        ({"kubernetes.io/os": "linux"}, BOTH),
        ({"kubernetes.io/os": "*"}, NEITHER),
        ({"kubernetes.io/os": "linux", "zone": "a"}, NEITHER),
        ({"kubernetes.io/hostname": "node-1, node-42"}, BOTH),
        ({"kubernetes.io/hostname": "node-1"}, NEITHER),
        ({"kubernetes.io/hostname": "*"}, BOTH),
        ({"kubearmor.io/hostname": "*"}, NEITHER),
        ({"kubernetes.io/hostnamereg": "node-*"}, BOTH),
        ({"kubernetes.io/hostnamereg": "ode"}, NEITHER),
        ({"kubernetes.io/hostnamereg": "n"}, BOTH),
        ({"kubearmor.io/hostnamereg": "*"}, NEITHER),
    ],
)
def test_node_selectors(given: dict[str, str], expected: tuple[bool, bool]) -> None:
    assert chosen({"nodeSelector": {"matchLabels": given}}, NODE, "KubeArmorHostPolicy") == expected


@pytest.mark.parametrize(
    ("expression", "name", "expected"),
    [
        ("", "x", True),
        ("node-[0-9]{2}$", "node-42", True),
        ("node-[0-9]{2}$", "node-421", False),
        ("node-[0-9]{2,}$", "node-421", True),
        ("node-[0-9]{0,1}$", "node-42", False),
        ("node-\\d+", "node-42", True),
        ("^(node|worker)-4", "worker-42", True),
        ("(?:a|b)+c?$", "abab", True),
        ("[^a-m]ode", "node", True),
        ("[^a-z]ode", "node", False),
        ("n.de", "node", True),
        ("n\\.de", "node", False),
        ("*-42", "node-42", True),
        ("(", "(", False),
        (")", ")", False),
        ("[a", "a", False),
        ("a{300}", "a" * 300, False),
        ("+", "+", False),
        ("(?=a)a", "a", False),
        ("\\", "\\", False),
    ],
)
def test_host_name_expressions(expression: str, name: str, expected: bool) -> None:
    assert matches_beginning(expression, name) is expected


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)+$", "*a*a*a*a*a*a*a*b", "(" * 3000 + "a" + ")" * 3000])
def test_hostile_expressions_end(expression: str) -> None:
    with ends():
        matches_beginning(expression, "a" * 200 + "!")
