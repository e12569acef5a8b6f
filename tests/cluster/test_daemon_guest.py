"""The daemon on a real kernel and against a real API server at once: a policy is applied, and `ls` is denied."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.conftest import part
from hauberk.policy.loose import mapping
from support import ROOT, hauberk
from support.cluster import Cluster, until
from support.container import NGINX, Container, Image, running
from support.delivery import Repository, policy
from support.flux import delivering
from support.guest import Guest
from support.nodedaemon import CLI, HOOK, reach, uptime
from support.payload import packages

pytestmark = pytest.mark.guest

NODE, SYSTEM = "guest-node", "guest-system"
ID = "d" * 64
REPORTS = "/apis/hauberk.dev/v1alpha1"
SPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "seed", "annotations": {"kubearmor-file-posture": "block"}},
}
SEED = yaml.safe_load((ROOT / "examples/nginx/policy.yaml").read_text())
SEED["metadata"]["namespace"] = "seed"
OTHER = policy("other", "/etc/shadow")
OTHER["metadata"]["namespace"] = "seed"


@pytest.fixture(scope="module")
def guest(cluster: Cluster, policies: None) -> Iterator[Guest]:
    cluster.add_crds(hauberk("crds").stdout)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
    )
    with Guest.boot("6.12", packages("kubernetes", "msgspec", "prometheus-client"), memory=2048, network=True) as found:
        reach(found, cluster)
        yield found
    cluster.kubectl("delete", "node", NODE)
    cluster.kubectl("delete", "namespace", SYSTEM, "--wait=false")


@pytest.fixture
def pod(cluster: Cluster, guest: Guest) -> Iterator[None]:
    cluster.apply(SPACE)
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "nginx-1", "namespace": "seed", "labels": {"app": "nginx"}},
            "spec": {"nodeName": NODE, "containers": [{"name": "nginx", "image": "nginx"}]},
        }
    )
    yield
    cluster.kubectl("delete", "pod", "nginx-1", "-n", "seed", "--grace-period=0", "--force")


def status(cluster: Cluster) -> dict[str, Any]:
    return dict(mapping(cluster.request("GET", f"{REPORTS}/nodepolicystatuses/{NODE}")[1].get("status")))


def enforced(cluster: Cluster) -> dict[str, int]:
    """Workloads by policy, of the policies of this test: other tests leave theirs in the cluster."""
    found = status(cluster).get("policies", ())
    return {one["name"]: one["workloads"] for one in found if one["namespace"] == "seed" and one["state"] == "Enforced"}


def denied(container: Container, program: str) -> bool:
    done = container.exec(["bash", "-c", f"{program} /"])
    return b"Permission denied" in done.stderr


def test_from_a_commit_to_the_kernel_and_back(cluster: Cluster, guest: Guest, pod: None, tmp_path: Path) -> None:
    """git commit -> rendered -> Flux -> API server -> daemon -> `ls: Permission denied` -> alert -> status."""
    repository = Repository.made(cluster, tmp_path, "flux")
    # the seed has errors on purpose
    repository.options = ("--allow-findings", "HB203,HB401,HB413")
    repository.commit(SPACE, OTHER)
    options = ["--kubeconfig", "/t/kubeconfig", "--node", NODE, "--jitter", "0", "--alerts", "/t/alerts"]
    options += ["--lease-namespace", SYSTEM]
    daemon = guest.start([*CLI, "run", *options])
    until(lambda: b'"event": "ready"' in daemon.stderr or not daemon.running, 300, "the daemon is ready")
    assert daemon.running, daemon.stderr.decode()
    annotations = {
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.sandbox-namespace": "seed",
        "io.kubernetes.cri.sandbox-name": "nginx-1",
        "io.kubernetes.cri.container-name": "nginx",
    }
    with (
        delivering(repository, part("flux")) as delivery,
        running(guest, "web", Image(NGINX, hook=HOOK, annotations=annotations)) as container,
    ):
        assert not denied(container, "ls")
        begun = time.monotonic()
        delivery.deliver(SPACE, OTHER, SEED)
        log: list[str] = [f"{time.monotonic() - begun:.1f} s  Flux has applied the commit"]
        at = uptime(guest)
        while not denied(container, "ls"):
            assert uptime(guest) < at + 30, daemon.stderr.decode()
        log.append(f"{time.monotonic() - begun:.1f} s  ls is denied, {uptime(guest) - at:.1f} s of the guest later")
        assert container.status() == 200
        wanted = {"only-allow-nginx-exec": 1}  # the other selects nothing here
        until(
            lambda: enforced(cluster) == wanted,
            60,
            "the status says so",
            lambda: f"{json.dumps(status(cluster), indent=1)}\n{daemon.stderr.decode()}",
        )
        alerts = [json.loads(line) for line in guest.get("/t/alerts").decode().splitlines()]
        alert = next(one for one in alerts if one["Resource"] == "/usr/bin/ls")
        found = (alert["PolicyName"], alert["PodName"], alert["Result"])
        assert found == ("DefaultPosture", "nginx-1", "Permission denied")
        log += [json.dumps(alert), cluster.kubectl("get", "nodepolicystatuses")]
        delivery.deliver(SPACE, OTHER)
        end = time.monotonic() + 60
        while denied(container, "ls"):
            assert time.monotonic() < end
        log.append(f"{time.monotonic() - begun:.1f} s  the policy is gone from git, and ls runs again")
    guest.run(["kill", str(daemon.pid)]).checked()
    daemon.wait()
    assert b'"event": "stopped"' in daemon.stderr
    print("\n".join(log))
