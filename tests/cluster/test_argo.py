"""Rendered policies, delivered by the real controllers of Argo CD: what they sync, heal, prune, and leave alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from cluster.conftest import part
from support.argo import NAMESPACE, argo
from support.cluster import Cluster, until
from support.delivery import REPORTS, SHOP, Repository, policy
from support.gitserver import serving

_GIT_PORT = 18490
_SLOW = 60
_RESYNC = 5


@dataclass(slots=True)
class Delivery:
    repository: Repository

    def status(self) -> dict[str, Any]:
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/policies"
        found: dict[str, Any] = self.repository.cluster.request("GET", path)[1].get("status", {})
        return found

    def sync(self) -> tuple[str, str, str]:
        """Sync status, health and revision."""
        status = self.status()
        sync = status.get("sync", {})
        return sync.get("status", ""), status.get("health", {}).get("status", ""), sync.get("revision", "")

    def refresh(self) -> None:
        """As a webhook would: the controller looks at the repository now."""
        annotation = "argocd.argoproj.io/refresh=normal"
        self.repository.cluster.kubectl(
            "annotate", "application", "policies", "-n", NAMESPACE, annotation, "--overwrite"
        )

    def deliver(self, *documents: Any) -> None:
        revision = self.repository.commit(*documents)
        self.refresh()

        def is_synced() -> bool:
            return self.sync() == ("Synced", "Healthy", revision)

        until(is_synced, _SLOW, f"{revision} is synced; Argo CD says {self.status()}")


@pytest.fixture(scope="module")
def delivery(cluster: Cluster, policies: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    programs = part("argo"), part("kustomize")
    folder = tmp_path_factory.mktemp("argo")
    repository = Repository.made(cluster, folder, "argo")
    repository.commit(SHOP, policy("first", "/etc/shadow"))
    with serving(folder / "served", _GIT_PORT) as url, argo(cluster, *programs):
        # what is rendered for Argo CD's own ConfigMap, and the example of an Application but for its repository
        health = (repository.rendered / "argo/argocd-cm.yaml").read_text()
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=health)
        application = yaml.safe_load((repository.rendered / "argo/application.yaml").read_text())
        application["spec"]["source"]["repoURL"] = f"{url}/policies.git"
        cluster.apply(application)
        yield Delivery(repository)
        cluster.kubectl("delete", "application", "policies", "-n", NAMESPACE, "--timeout=60s")


def test_a_rendered_folder_is_synced_and_healthy(delivery: Delivery) -> None:
    delivery.deliver(SHOP, policy("first", "/etc/shadow"), policy("second", "/etc/gshadow"))
    assert delivery.repository.paths("first") == ["/etc/shadow"]
    assert delivery.repository.paths("second") == ["/etc/gshadow"]
    assert delivery.repository.drift() == []


def test_a_hand_edit_heals(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.edit("first", "/etc/none")
    until(lambda: repository.paths("first") == ["/etc/shadow"], _SLOW, "the edit is healed")


def test_what_is_deleted_by_hand_comes_back(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.cluster.kubectl("delete", "kubearmorpolicy", "first", "-n", "shop")
    until(lambda: repository.paths("first") == ["/etc/shadow"], _SLOW, "the policy is back")


def test_a_policy_that_is_removed_is_pruned_and_its_namespace_is_not(delivery: Delivery) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"), policy("gone", "/etc/gshadow"))
    assert repository.spec("gone") is not None
    repository.commit(policy("first", "/etc/shadow"))
    delivery.refresh()
    until(lambda: repository.spec("gone") is None, _SLOW, "the policy is pruned")
    assert repository.cluster.request("GET", "/api/v1/namespaces/shop")[0] == 200


@pytest.mark.parametrize("manager", ["kubectl", "somebody"])
def test_a_field_that_is_added_stays_and_drift_names_it(delivery: Delivery, manager: str) -> None:
    """Argo CD says Synced all the time."""
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.add_fields(manager, "first")
    time.sleep(2 * _RESYNC + 1)
    found = repository.spec("first")
    assert found is not None
    assert found["file"]["matchDirectories"], "Argo CD does not repair it"
    assert delivery.sync()[0] == "Synced"
    (one,) = repository.drift()
    assert (one["kind"], one["name"], [m["name"] for m in one["managers"]]) == ("edited", "first", [manager])
    repository.cluster.kubectl("delete", "kubearmorpolicy", "first", "-n", "shop")
    until(lambda: repository.paths("first") == ["/etc/shadow"], _SLOW, "the policy is back")


@pytest.mark.parametrize("kind", list(REPORTS))
def test_health_is_what_the_node_says(delivery: Delivery, kind: str) -> None:
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    repository.add_report(kind)
    delivery.refresh()
    until(lambda: repository.has_report(kind), _SLOW, "the object is there")
    for ready, health in (("", "Progressing"), ("False", "Degraded"), ("True", "Healthy")):
        if ready:
            repository.say_ready(kind, ready)
        until(lambda health=health: delivery.sync()[1] == health, _SLOW, f"the application is {health}")  # type: ignore[misc]
    repository.remove_report()
    delivery.refresh()
    until(lambda: not repository.has_report(kind), _SLOW, "the object is pruned")


def test_an_unknown_field_is_seen_for_a_moment_only(delivery: Delivery) -> None:
    """Argo CD says Unknown, and Synced again at its next look: no proof that a commit can be applied."""
    repository = delivery.repository
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
    (file,) = repository.rendered.rglob("policies/shop/first.yaml")
    file.write_text(file.read_text().replace("severity: 5", "severity: 5\n  recurive: true"))
    repository.push()
    delivery.refresh()
    until(lambda: delivery.sync()[0] == "Unknown", _SLOW, "the comparison fails")
    delivery.deliver(SHOP, policy("first", "/etc/shadow"))
