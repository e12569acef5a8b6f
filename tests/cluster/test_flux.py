"""Rendered policies, delivered by the real controllers of Flux: what they apply, correct, prune, and leave alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from cluster.conftest import part
from support.cluster import Cluster, until
from support.delivery import REPORTS, SHOP, Repository, policy
from support.flux import INTERVAL, NAMESPACE, Delivery, delivering

_SLOW = 8 * INTERVAL


@pytest.fixture(scope="module")
def delivery(cluster: Cluster, policies: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    repository = Repository.made(cluster, tmp_path_factory.mktemp("flux"), "flux")
    repository.commit(SHOP, policy("first", "/etc/shadow"))
    with delivering(repository, part("flux")) as found:
        yield found


def test_a_commit_is_reconciled(delivery: Delivery) -> None:
    delivery.deliver(SHOP, policy("first", "/etc/shadow"), policy("second", "/etc/gshadow"))
    assert delivery.repository.paths("first") == ["/etc/shadow"]
    assert delivery.repository.paths("second") == ["/etc/gshadow"]
    assert delivery.repository.drift() == []


def test_reconciling_again_changes_nothing(delivery: Delivery) -> None:
    path = "/apis/security.kubearmor.com/v1/namespaces/shop/kubearmorpolicies/first"
    seen: list[tuple[str, int]] = []
    for _ in range(2):
        delivery.deliver(SHOP, policy("first", "/etc/shadow"))
        found = delivery.repository.cluster.request("GET", path)[1]["metadata"]
        seen.append((found["resourceVersion"], found["generation"]))
    assert seen[0] == seen[1]


def test_a_hand_edit_is_corrected(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.edit("first", "/etc/none")
    assert repository.paths("first") == ["/etc/none"]
    until(lambda: repository.paths("first") == ["/etc/shadow"], _SLOW, "the edit is corrected")
    log = (repository.cluster.folder / "kustomize-controller.log").read_text()
    assert '"KubeArmorPolicy/shop/first":"configured"' in log


def test_what_is_deleted_by_hand_comes_back(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.cluster.kubectl("delete", "kubearmorpolicy", "first", "-n", "shop")
    until(lambda: repository.paths("first") == ["/etc/shadow"], _SLOW, "the policy is back")


def test_a_policy_that_is_removed_is_pruned_and_its_namespace_is_not(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"), policy("gone", "/etc/gshadow"))
    assert repository.spec("gone") is not None
    delivery.deliver(policy("first", "/etc/shadow"))
    until(lambda: repository.spec("gone") is None, _SLOW, "the policy is pruned")
    assert repository.cluster.request("GET", "/api/v1/namespaces/shop")[0] == 200


def test_a_field_that_kubectl_adds_is_removed(delivery: Delivery) -> None:
    """Flux takes over what kubectl applied, and nobody else's."""
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    patch = '{"spec":{"message":"by hand"}}'
    repository.cluster.kubectl("patch", "kubearmorpolicy", "first", "-n", "shop", "--type=merge", "-p", patch)
    assert "message" in (repository.spec("first") or {})
    until(lambda: "message" not in (repository.spec("first") or {}), _SLOW, "the field is removed")


def test_a_field_that_another_manager_adds_stays_and_drift_names_it(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.add_fields("somebody", "first")
    time.sleep(2 * INTERVAL + 1)
    found = repository.spec("first")
    assert found is not None
    assert found["file"]["matchDirectories"], "Flux does not repair it"
    until(lambda: delivery.condition()["status"] == "True", _SLOW, "Flux is ready, or is again")
    (one,) = repository.drift()
    assert (one["kind"], one["name"], [m["name"] for m in one["managers"]]) == ("edited", "first", ["somebody"])
    repository.cluster.kubectl("delete", "kubearmorpolicy", "first", "-n", "shop")


def test_an_unknown_field_fails_the_whole_set(delivery: Delivery) -> None:
    """What `hauberk render` refuses: somebody edited the rendered file."""
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    (file,) = repository.rendered.rglob("policies/shop/first.yaml")
    file.write_text(file.read_text().replace("severity: 5", "severity: 5\n  recurive: true"))
    repository.push()
    until(lambda: delivery.condition().get("status") == "False", _SLOW, "Flux fails")
    assert "field not declared in schema" in delivery.condition()["message"]
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))


@pytest.mark.parametrize("kind", list(REPORTS))
def test_health_is_what_the_node_says(delivery: Delivery, kind: str) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.add_report(kind)
    until(lambda: repository.has_report(kind), _SLOW, "the object is there")
    repository.say_ready(kind, "False")
    until(lambda: delivery.condition().get("status") == "False", _SLOW, "Flux fails")
    assert kind in delivery.condition()["message"]
    assert "status: 'Failed'" in delivery.condition()["message"]
    repository.say_ready(kind, "True")
    until(lambda: delivery.condition().get("status") == "True", _SLOW, "Flux is ready")
    repository.remove_report()
    until(lambda: not repository.has_report(kind), _SLOW, "the object is pruned")


def test_without_expressions_flux_waits_until_its_timeout(delivery: Delivery) -> None:
    """kstatus takes Ready=False for something that is still to come: what is final must be Stalled as well."""
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.add_report("NodePolicyStatus")
    until(lambda: repository.has_report("NodePolicyStatus"), _SLOW, "the object is there")
    where = ["kustomization", "policies", "-n", NAMESPACE]
    before = repository.cluster.kubectl("get", *where, "-o", "json")
    expressions = json.loads(before)["spec"]["healthCheckExprs"]
    patch = [{"op": "remove", "path": "/spec/healthCheckExprs"}, {"op": "add", "path": "/spec/timeout", "value": "6s"}]
    repository.say_ready("NodePolicyStatus", "False")
    repository.cluster.kubectl("patch", *where, "--type=json", "-p", json.dumps(patch))

    def has_timed_out() -> bool:
        found = delivery.condition()
        return found.get("status") == "False" and "status: 'InProgress'" in found["message"]

    until(has_timed_out, 2 * _SLOW, "Flux gives up waiting")
    back = [
        {"op": "add", "path": "/spec/healthCheckExprs", "value": expressions},
        {"op": "add", "path": "/spec/timeout", "value": "20s"},
    ]
    repository.cluster.kubectl("patch", *where, "--type=json", "-p", json.dumps(back))
    repository.say_ready("NodePolicyStatus", "True")
    repository.remove_report()
    until(lambda: not repository.has_report("NodePolicyStatus"), _SLOW, "the object is pruned")
