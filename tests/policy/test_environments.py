"""What an environment changes, and that an override leaves nothing with the old action."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hauberk.policy.canonical import canonical
from hauberk.policy.environments import ANNOTATION, ActionOverride, Environment, placed, with_actions
from hauberk.policy.model import Action
from hauberk.policy.parse import parse_policy
from hauberk.policy.semantics.store import action_of
from policy.worlds import World, worlds

AUDIT_FIRST = ActionOverride("Block", "Audit", "watch first")
ENFORCE = ActionOverride("Audit", "Block", "watched long enough")


def doc(kind: str = "KubeArmorPolicy", namespace: str = "web", **spec: Any) -> dict[str, Any]:
    return canonical(
        {"kind": kind, "metadata": {"name": "p", "namespace": namespace, "annotations": {"a": "b"}}, "spec": spec}
    )


def overridden(document: dict[str, Any], *overrides: ActionOverride) -> dict[str, Any]:
    return with_actions(Environment("e", actions=overrides), document)


def test_an_override_and_its_reason() -> None:
    before = doc(file={"matchPaths": [{"path": "/a", "action": "Allow"}, {"path": "/b"}]}, action="Block")
    after = overridden(before, AUDIT_FIRST)
    assert after["spec"]["action"] == "Audit"
    assert after["spec"]["file"] == before["spec"]["file"]
    assert after["metadata"]["annotations"] == {"a": "b", ANNOTATION: "Block to Audit: watch first"}
    assert before["spec"]["action"] == "Block"


def test_what_has_nothing_of_it_stays_as_it_is() -> None:
    document = doc(file={"matchPaths": [{"path": "/a"}]}, action="Allow")
    assert overridden(document, AUDIT_FIRST) == document
    assert overridden(doc(), AUDIT_FIRST) == doc()


def test_the_default_action_is_one_too() -> None:
    assert overridden(doc(file={"matchPaths": [{"path": "/a"}]}), AUDIT_FIRST)["spec"]["action"] == "Audit"


def test_the_first_that_covers_a_policy_counts() -> None:
    document = doc(file={"matchPaths": [{"path": "/a"}]}, action="Audit")
    others = ActionOverride("Audit", "Block", "r", ("shop/*", "q"))
    assert overridden(document, others) == document
    assert overridden(document, others, ENFORCE)["spec"]["action"] == "Block"
    keep = ActionOverride("Block", "Audit", "r", ("web/p",))
    assert overridden(document, keep, ENFORCE) == document


@pytest.mark.parametrize("own", [{}, {"action": "Audit"}, {"action": "Block"}, {"action": "Allow"}])
@pytest.mark.parametrize("outer", ["Allow", "Audit", "Block", ""])
def test_presets(own: dict[str, str], outer: str) -> None:
    document = doc(presets=[{"name": "exec", **own}], action=outer)
    (preset,) = overridden(document, AUDIT_FIRST)["spec"]["presets"]
    # to KubeArmor a preset that says nothing blocks, whatever the spec says
    assert preset["action"] == "Audit"
    (preset,) = overridden(document, ENFORCE)["spec"]["presets"]
    audits = own.get("action", outer) == "Audit"
    assert preset.get("action") == ("Block" if audits else own.get("action"))


def test_network_policies() -> None:
    document = doc("KubeArmorNetworkPolicy", ingress=[{"action": "Block", "iface": ["eth0"]}], action="Allow")
    assert overridden(document, AUDIT_FIRST)["spec"]["ingress"][0]["action"] == "Audit"


def test_what_is_no_rule_is_left() -> None:
    document = doc(process={"tags": ["t"], "matchPaths": [{"path": "/a", "action": "Block"}]}, tags=["u"])
    after = overridden(document, AUDIT_FIRST)["spec"]
    assert after["process"] == {"tags": ["t"], "matchPaths": [{"path": "/a", "action": "Audit"}]}
    # what lint refuses, and diff reads nevertheless
    broken = doc(process=["t"], file={"matchPaths": ["t", None]}, presets=["t"], action="Block")
    assert overridden(broken, AUDIT_FIRST)["spec"]["action"] == "Audit"
    broken = doc("KubeArmorNetworkPolicy", ingress=["t"], egress={"a": "b"}, action="Block")
    assert overridden(broken, AUDIT_FIRST)["spec"]["action"] == "Audit"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(world=worlds())
def test_nothing_keeps_the_old_action(world: World) -> None:
    for document in world.policies:
        after = parse_policy(overridden(canonical(document), AUDIT_FIRST))
        before = parse_policy(canonical(document))
        assert after is not None
        assert before is not None
        assert [rule.id for rule in after.rules] == [rule.id for rule in before.rules]
        for old, new in zip(before.rules, after.rules, strict=True):
            assert new.action is not Action.BLOCK
            assert action_of(new) is not Action.BLOCK
            if old.action is Action.ALLOW:
                assert new.action is Action.ALLOW
        assert all(preset.action_text == "Audit" for preset in after.presets)


def test_names_labels_and_namespaces() -> None:
    chosen = Environment("e", namespaces={"web": "web-x"}, labels={"stage": "x"})
    found = placed(chosen, doc(file={"matchPaths": [{"path": "/a"}]}))
    assert list(found["metadata"]) == ["name", "namespace", "labels", "annotations"]
    assert found["metadata"]["namespace"] == "web-x"
    assert found["metadata"]["labels"] == {"stage": "x"}
    expression = {"key": "namespace", "operator": "NotIn", "values": ["web", "shop"]}
    cluster = placed(chosen, doc("KubeArmorClusterPolicy", selector={"matchExpressions": [expression]}))
    assert cluster["spec"]["selector"]["matchExpressions"][0]["values"] == ["web-x", "shop"]
    assert "namespace" not in cluster["metadata"]


def test_postures() -> None:
    given_ones = {"web": {"kubearmor-file-posture": "audit", "kubearmor-network-posture": "block"}}
    chosen = Environment("e", posture={"*": {"file": "block"}, "shop": {"file": "audit", "capabilities": "block"}})
    assert chosen.postures(given_ones, ["web", "other"]) == {
        "other": {"kubearmor-file-posture": "block"},
        "shop": {"kubearmor-capabilities-posture": "block", "kubearmor-file-posture": "audit"},
        "web": {"kubearmor-file-posture": "block", "kubearmor-network-posture": "block"},
    }
    assert Environment("e").postures(given_ones, ["other"]) == given_ones
