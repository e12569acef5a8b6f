"""How an API server bears a fleet: status writers of many nodes against a real one, and what it would be for more.

usage: python benchmarks/fleet.py [--nodes 1000] [--policies 100]

Needs HAUBERK_KUBE and HAUBERK_CLIENTS, see `make cluster-tools`. The nodes are writers only: each creates its status,
renews its lease, and writes the status again when one policy changes, as the daemon does. Times are of this machine,
where the server shares its processors with the writers; counts and bytes are of the objects.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from hauberk.enforcer.cluster.api import Api  # noqa: E402
from hauberk.enforcer.cluster.publisher import News, Publisher  # noqa: E402
from hauberk.enforcer.cluster.reports import Versions  # noqa: E402
from hauberk.enforcer.node.daemon import Status  # noqa: E402
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject, PolicyStanding, Standing  # noqa: E402
from hauberk.enforcer.policies import Given  # noqa: E402
from hauberk.policy.parse import parse_policy  # noqa: E402
from support import hauberk  # noqa: E402
from support.cluster import Cluster, running, until  # noqa: E402
from support.network import own_network  # noqa: E402

SYSTEM = "hauberk-system"
WRITERS = 8


def policies(count: int) -> dict[PolicyKey, PolicyObject]:
    found: dict[PolicyKey, PolicyObject] = {}
    for number in range(count):
        document = {
            "apiVersion": "security.kubearmor.com/v1",
            "kind": "KubeArmorPolicy",
            "metadata": {"name": f"policy-with-a-usual-name-{number}", "namespace": f"team-{number % 20}"},
            "spec": {
                "selector": {"matchLabels": {"app": f"app-{number}"}},
                "process": {"matchPaths": [{"path": f"/usr/bin/{number}"}]},
                "action": "Block",
            },
        }
        policy = parse_policy(document)
        if policy is None:
            raise ValueError(document)
        key = PolicyKey(policy.kind.value, str(policy.effective_namespace), policy.name)
        found[key] = PolicyObject(key, str(number), Given("", 1, {}, document), policy)
    return found


class Fleet:
    def __init__(self, cluster: Cluster, nodes: int, held: dict[PolicyKey, PolicyObject]) -> None:
        self.held = held
        self.latencies: list[float] = []
        self._lock = threading.Lock()
        apis = [Api(cluster.kubeconfig) for _ in range(WRITERS)]
        versions = Versions("hauberk-enforcer 0.1.0", "6.12.117+deb12-cloud-amd64", "28 programs")
        self.publishers = [
            Publisher(apis[number % WRITERS], f"node-{number}", versions, SYSTEM, jitter=0) for number in range(nodes)
        ]

    def news(self, changed: int) -> News:
        """Every policy is enforced; one of them in another version each time."""
        standings = [
            PolicyStanding(key, Standing.ENFORCED, digest=one.digest, workloads=("a",), rules=1 + (index == changed))
            for index, (key, one) in enumerate(self.held.items())
        ]
        return News(Status(tuple(standings), containers=30, enforced=30), self.held, self.held)

    def write(self, news: News) -> float:
        """All nodes write; seconds for all of them."""

        def one(publisher: Publisher) -> None:
            publisher.tell(replace(news))
            begun = time.perf_counter()
            publisher.write()
            with self._lock:
                self.latencies.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(one, self.publishers))
        return time.perf_counter() - begun


def stored(cluster: Cluster) -> int:
    """Bytes of etcd's database."""
    return sum(path.stat().st_size for path in (cluster.folder / "etcd").rglob("db"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--policies", type=int, default=100)
    given = parser.parse_args()
    with own_network(), tempfile.TemporaryDirectory() as folder:
        parts = [Path(os.environ[name]) for name in ("HAUBERK_KUBE", "HAUBERK_CLIENTS")]
        with running(Path(folder) / "cluster", *parts) as cluster:
            cluster.add_crds(hauberk("crds").stdout)
            served(cluster)
            cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
            show(measured(cluster, given.nodes, given.policies))


def served(cluster: Cluster) -> None:
    """Waits for the storage of the new kinds, which the API server prepares after it has said that they are there."""
    kinds = [
        f"/apis/hauberk.dev/v1alpha1/{name}" for name in ("nodepolicystatuses", "driftreports", "clusterdriftreports")
    ]
    until(lambda: all(cluster.request("GET", path)[0] == 200 for path in kinds), 60, "the kinds are served")


def measured(cluster: Cluster, nodes: int, count: int) -> dict[str, Any]:
    fleet = Fleet(cluster, nodes, policies(count))
    empty = stored(cluster)
    first = fleet.write(fleet.news(-1))
    created = stored(cluster)
    fleet.latencies.clear()
    again = fleet.write(fleet.news(0))
    latencies = sorted(fleet.latencies)
    changed = stored(cluster)
    writes = sum(publisher.writes for publisher in fleet.publishers)
    quiet = fleet.write(fleet.news(0))
    quiet_writes = sum(publisher.writes for publisher in fleet.publishers) - writes
    _, one = cluster.request("GET", "/apis/hauberk.dev/v1alpha1/nodepolicystatuses/node-0")
    return {
        "nodes": nodes,
        "policies": count,
        "object_bytes": len(json.dumps(one, separators=(",", ":"))),
        "first_seconds": round(first, 1),
        "first_requests_per_second": round(5 * nodes / first, 1),
        "change_seconds": round(again, 1),
        "change_requests_per_second": round(nodes / again, 1),
        "change_p50_ms": round(1000 * statistics.median(latencies), 1),
        "change_p99_ms": round(1000 * latencies[int(len(latencies) * 0.99) - 1], 1),
        "unchanged_seconds": round(quiet, 2),
        "unchanged_writes": quiet_writes,
        "etcd_bytes_first": created - empty,
        "etcd_bytes_per_change": changed - created,
    }


def show(found: dict[str, Any]) -> None:
    for name, value in found.items():
        print(f"{name:28} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
