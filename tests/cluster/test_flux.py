"""Rendered policies, delivered by the real controllers of Flux: what they apply, correct, prune, and leave alone."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.conftest import part
from support import hauberk
from support.cluster import Cluster, until
from support.flux import NAMESPACE, flux
from support.gitserver import serving

_GIT_PORT = 18480
_INTERVAL = 5
_SLOW = 6 * _INTERVAL
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def policy(name: str, path: str) -> dict[str, Any]:
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "severity": 5,
            "selector": {"matchLabels": {"app": "shop"}},
            "file": {"matchPaths": [{"path": path}]},
            "action": "Block",
        },
    }


@dataclass(slots=True)
class Delivery:
    """A repository whose folder `rendered` Flux reconciles."""

    cluster: Cluster
    work: Path

    def commit(self, *documents: Any) -> str:
        """Renders, commits and pushes; the revision."""
        source = self.work / "source"
        source.mkdir(exist_ok=True)
        (source / "policies.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
        done = hauberk("render", source, "--out", self.work / "rendered", "--layout", "flux", "--with-crds")
        assert done.returncode == 0, done.stderr
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "policies")
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.work, check=True, capture_output=True, text=True).stdout

    def condition(self) -> dict[str, Any]:
        """Ready of the Kustomization, with the revision that was applied."""
        path = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/policies"
        status = self.cluster.request("GET", path)[1].get("status", {})
        ready: dict[str, Any] = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), {})
        return {
            **ready,
            "applied": status.get("lastAppliedRevision", ""),
            "tried": status.get("lastAttemptedRevision", ""),
        }

    def deliver(self, *documents: Any) -> None:
        revision = self.commit(*documents)

        def is_applied() -> bool:
            found = self.condition()
            return found.get("status") == "True" and found["applied"].endswith(revision)

        until(is_applied, _SLOW, f"{revision} is applied; Flux says {self.condition()}")

    def spec(self, name: str) -> dict[str, Any] | None:
        path = f"/apis/security.kubearmor.com/v1/namespaces/shop/kubearmorpolicies/{name}"
        status, found = self.cluster.request("GET", path)
        return found["spec"] if status == 200 else None

    def drift(self) -> dict[str, Any]:
        rendered = self.work / "rendered"
        done = hauberk(
            "drift", rendered, "--kubeconfig", self.cluster.kubeconfig, "--namespace", "shop", "--format", "json"
        )
        assert done.returncode in (0, 1), done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def delivery(cluster: Cluster, policies: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    programs = part("flux")
    folder = tmp_path_factory.mktemp("delivery")
    bare = folder / "served/policies.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
    subprocess.run(["git", "clone", "--quiet", bare, folder / "work"], check=True, capture_output=True)
    found = Delivery(cluster, folder / "work")
    found.git("checkout", "--quiet", "-B", "main")
    found.commit(SPACE, policy("first", "/etc/shadow"))
    with serving(folder / "served", _GIT_PORT) as url, flux(cluster, programs):
        for name in ("git-source", "sync"):
            document = yaml.safe_load((found.work / f"rendered/flux/{name}.yaml").read_text())
            document["spec"]["interval"] = f"{_INTERVAL}s"
            if name == "git-source":
                document["spec"]["url"] = f"{url}/policies.git"
            else:
                document["spec"] |= {"retryInterval": "2s", "timeout": "20s"}
            cluster.apply(document)
        yield found
        cluster.kubectl("delete", "kustomization,gitrepository", "--all", "-n", NAMESPACE, "--timeout=60s")
    shutil.rmtree(cluster.folder / "artifacts", ignore_errors=True)


def test_a_commit_is_reconciled(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"), policy("second", "/etc/gshadow"))
    for name, path in (("first", "/etc/shadow"), ("second", "/etc/gshadow")):
        found = delivery.spec(name)
        assert found is not None
        assert found["file"] == {"matchPaths": [{"path": path}]}
    assert delivery.drift()["objects"] == []


def test_reconciling_again_changes_nothing(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"))
    path = "/apis/security.kubearmor.com/v1/namespaces/shop/kubearmorpolicies/first"
    before = delivery.cluster.request("GET", path)[1]["metadata"]
    delivery.deliver(SPACE, policy("first", "/etc/shadow"))
    after = delivery.cluster.request("GET", path)[1]["metadata"]
    assert (before["resourceVersion"], before["generation"]) == (after["resourceVersion"], after["generation"])


def test_a_hand_edit_is_corrected(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"))
    patch = json.dumps([{"op": "replace", "path": "/spec/file/matchPaths/0/path", "value": "/etc/none"}])
    delivery.cluster.kubectl("patch", "kubearmorpolicy", "first", "-n", "shop", "--type=json", "-p", patch)

    def is_corrected() -> bool:
        found = delivery.spec("first")
        return found is not None and found["file"]["matchPaths"] == [{"path": "/etc/shadow"}]

    until(is_corrected, _SLOW, "the edit is corrected")
    log = (delivery.cluster.folder / "kustomize-controller.log").read_text()
    assert "KubeArmorPolicy/shop/first" in log


def test_a_policy_that_is_removed_is_pruned_and_its_namespace_is_not(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"), policy("gone", "/etc/gshadow"))
    assert delivery.spec("gone") is not None
    delivery.deliver(policy("first", "/etc/shadow"))
    until(lambda: delivery.spec("gone") is None, _SLOW, "the policy is pruned")
    assert delivery.cluster.request("GET", "/api/v1/namespaces/shop")[0] == 200


def test_a_field_that_another_manager_adds_stays_and_drift_names_it(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"))
    added = copy.deepcopy(policy("first", "/etc/shadow"))
    added["spec"] = {"file": {"matchDirectories": [{"dir": "/", "recursive": True, "action": "Allow"}]}}
    delivery.cluster.kubectl(
        "apply", "--server-side", "--field-manager=somebody", "-f", "-", given=yaml.safe_dump(added)
    )
    time.sleep(2 * _INTERVAL + 1)
    found = delivery.spec("first")
    assert found is not None
    assert found["file"]["matchDirectories"], "Flux does not repair it"
    assert delivery.condition()["status"] == "True"
    (one,) = delivery.drift()["objects"]
    assert (one["kind"], one["name"], [m["name"] for m in one["managers"]]) == ("edited", "first", ["somebody"])
    delivery.cluster.kubectl("delete", "kubearmorpolicy", "first", "-n", "shop")


def test_health_is_what_the_node_says(delivery: Delivery) -> None:
    delivery.deliver(SPACE, policy("first", "/etc/shadow"))
    status = {
        "apiVersion": "hauberk.dev/v1alpha1",
        "kind": "NodePolicyStatus",
        "metadata": {"name": "node-a"},
        "spec": {"nodeName": "node-a"},
    }
    (delivery.work / "rendered/node-a.yaml").write_text(yaml.safe_dump(status))
    kustomization = delivery.work / "rendered/kustomization.yaml"
    before = kustomization.read_text()
    kustomization.write_text(before.replace("resources:\n", "resources:\n  - node-a.yaml\n"))
    delivery.git("add", "--all")
    delivery.git("commit", "--quiet", "--message", "a node")
    delivery.git("push", "--quiet", "origin", "main")
    until(lambda: is_there(delivery, status), _SLOW, "the object is there")
    say(delivery, status, "False")
    until(lambda: delivery.condition().get("status") == "False", _SLOW, "Flux fails")
    assert "NodePolicyStatus/node-a status: 'Failed'" in delivery.condition()["message"]
    say(delivery, status, "True")
    until(lambda: delivery.condition().get("status") == "True", _SLOW, "Flux is ready")
    (delivery.work / "rendered/node-a.yaml").unlink()
    kustomization.write_text(before)


def path_of(status: dict[str, Any]) -> str:
    return f"/apis/hauberk.dev/v1alpha1/nodepolicystatuses/{status['metadata']['name']}"


def is_there(delivery: Delivery, status: dict[str, Any]) -> bool:
    return delivery.cluster.request("GET", path_of(status))[0] == 200


def say(delivery: Delivery, status: dict[str, Any], ready: str) -> None:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "Tests",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    body = {"status": {"conditions": [condition]}}
    path = f"{path_of(status)}/status"
    code, answer = delivery.cluster.request("PATCH", path, body, "application/merge-patch+json")
    assert code == 200, answer
