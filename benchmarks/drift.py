"""Time and memory of `hauberk drift` against a real API server with many objects.

usage: python benchmarks/drift.py [--policies 2000] [--pods 10000] [--runs 3]

HAUBERK_KUBE and HAUBERK_CLIENTS name the parts of the cluster, as `make cluster-tools` prints them; needs root for a
network of its own. Making the objects takes a minute or two and is not measured. Nothing here is a test: no time is
asserted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests")]

import generated  # noqa: E402

from support.cluster import Cluster, running  # noqa: E402
from support.network import own_network  # noqa: E402

_NAMESPACES = 50


class Api:
    """One connection that is kept: a handshake for each object would take longer than the object."""

    def __init__(self, cluster: Cluster) -> None:
        context = ssl.create_default_context(cafile=str(cluster.authority))
        self._connection = http.client.HTTPSConnection(cluster.url.removeprefix("https://"), context=context)
        self._headers = {"Authorization": f"Bearer {cluster.token}", "Content-Type": "application/json"}

    def create(self, path: str, document: Any) -> None:
        self._connection.request("POST", path, json.dumps(document), self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 201:
            sys.exit(f"{path}: {answer.status}: {body[:300].decode()}")


def pod(number: int, policies: int) -> dict[str, Any]:
    """Several pods of each workload, alike but for what controllers label."""
    workload = number % policies
    labels = {"app": f"app-{workload}", "pod-template-hash": f"{workload:x}"}
    return {
        "metadata": {"name": f"app-{workload}-{number}", "labels": labels},
        "spec": {"containers": [{"name": "app", "image": "app:1", "env": [{"name": "A", "value": "x" * 200}]}]},
    }


def fill(cluster: Cluster, folder: Path, policies: int, pods: int) -> None:
    """Every hundredth policy is edited in the cluster."""
    crds = subprocess.run(
        [sys.executable, "-m", "hauberk.cli.main", "crds", "--policies"], check=True, capture_output=True, text=True
    )
    cluster.add_crds(crds.stdout)
    generated.write(folder, policies)
    api = Api(cluster)
    for number in range(_NAMESPACES):
        api.create("/api/v1/namespaces", {"metadata": {"name": f"team-{number}"}})
    for number in range(policies):
        document = yaml.load(generated.policy(number), Loader=yaml.CSafeLoader)
        if number % 100 == 0:
            document["spec"]["process"]["matchPaths"].pop()
        space = document["metadata"]["namespace"]
        api.create(f"/apis/security.kubearmor.com/v1/namespaces/{space}/kubearmorpolicies", document)
    for number in range(pods):
        space = f"team-{number % policies % _NAMESPACES}"
        api.create(f"/api/v1/namespaces/{space}/pods", pod(number, policies))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=2_000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    parts = [Path(os.environ.get(name, "") or "-") for name in ("HAUBERK_KUBE", "HAUBERK_CLIENTS")]
    if not all(part.is_dir() for part in parts):
        sys.exit("HAUBERK_KUBE and HAUBERK_CLIENTS name no folders: run `make cluster-tools`")
    with tempfile.TemporaryDirectory() as scratch, own_network(), running(Path(scratch, "cluster"), *parts) as cluster:
        folder = Path(scratch, "policies")
        start = time.perf_counter()
        fill(cluster, folder, given.policies, given.pods)
        print(
            f"{given.policies} policies and {given.pods} pods made in {time.perf_counter() - start:.0f} s", flush=True
        )
        command = [sys.executable, "-m", "hauberk.cli.main", "drift", str(folder), "--format", "json"]
        command += ["--kubeconfig", str(cluster.kubeconfig)]
        seconds: list[float] = []
        for _ in range(given.runs):
            start = time.perf_counter()
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            seconds.append(time.perf_counter() - start)
            if done.returncode != 1:
                sys.exit(f"exit code {done.returncode}: {done.stderr}")
        found = json.loads(done.stdout)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"hauberk drift: {statistics.median(seconds):.1f} s (limit 30 s)")
        print(f"greatest of its processes and of those that filled the cluster: {children:.0f} MiB (limit 500 MiB)")
        changes = found["diff"]["summary"]
        print(f"found: {len(found['objects'])} objects, {changes['widened']} widened, {changes['workloads']} workloads")


if __name__ == "__main__":
    main()
