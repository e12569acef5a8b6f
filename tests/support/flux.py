"""Flux's source-controller and kustomize-controller, run beside a cluster."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.cluster import Cluster, Server, until
from support.delivery import Repository
from support.gitserver import serving

_PORT = 16500
NAMESPACE = "flux-system"
INTERVAL = 5
"""Seconds after which Flux looks again."""
_GIT_PORT = 18480


@dataclass(slots=True)
class Delivery:
    """A repository that Flux keeps a cluster equal to."""

    repository: Repository

    def condition(self) -> dict[str, Any]:
        """Ready of the Kustomization, with the revision that was applied."""
        path = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/policies"
        status = self.repository.cluster.request("GET", path)[1].get("status", {})
        ready: dict[str, Any] = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), {})
        return {**ready, "applied": status.get("lastAppliedRevision", "")}

    def deliver(self, *documents: Any) -> None:
        revision = self.repository.commit(*documents)

        def is_applied() -> bool:
            found = self.condition()
            return found.get("status") == "True" and found["applied"].endswith(revision)

        until(is_applied, 8 * INTERVAL, f"{revision} is applied; Flux says {self.condition()}")


@contextmanager
def delivering(repository: Repository, programs: Path) -> Iterator[Delivery]:
    """What was committed last, and what will be, as the examples that are rendered say, but for where and how often."""
    cluster, served = repository.cluster, repository.work.parent / "served"
    try:
        with serving(served, _GIT_PORT) as url, flux(cluster, programs):
            for name in ("git-source", "sync"):
                document = yaml.safe_load((repository.rendered / f"flux/{name}.yaml").read_text())
                document["spec"]["interval"] = f"{INTERVAL}s"
                if name == "git-source":
                    document["spec"]["url"] = f"{url}/policies.git"
                else:
                    document["spec"] |= {"retryInterval": "2s", "timeout": "20s"}
                cluster.apply(document)
            yield Delivery(repository)
            cluster.kubectl("delete", "kustomization,gitrepository", "--all", "-n", NAMESPACE, "--timeout=60s")
    finally:
        for name in ("artifacts", "source-controller", "kustomize-controller"):
            shutil.rmtree(cluster.folder / name, ignore_errors=True)


@contextmanager
def flux(cluster: Cluster, programs: Path) -> Iterator[None]:
    """Both controllers, ready, with their CRDs."""
    cluster.add_crds((programs / "crds.yaml").read_text())
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    store = f"127.0.0.1:{_PORT}"
    artifacts = cluster.folder / "artifacts"
    artifacts.mkdir()
    servers = {
        "source-controller": [f"--storage-path={artifacts}", f"--storage-addr={store}", f"--storage-adv-addr={store}"],
        "kustomize-controller": ["--requeue-dependency=2s"],
    }
    started: list[Server] = []
    try:
        for number, (name, flags) in enumerate(servers.items()):
            started.append(_start(cluster, programs / name, flags, _PORT + 1 + 2 * number, store))
        for number, server in enumerate(started):
            port = _PORT + 2 + 2 * number
            until(lambda port=port, server=server: _is_ready(server, port), 30, f"{server.name} is ready")  # type: ignore[misc]
        yield
    finally:
        for server in started:
            server.stop()


def _start(cluster: Cluster, program: Path, flags: list[str], port: int, store: str) -> Server:
    home = cluster.folder / program.name
    home.mkdir()
    command = [
        str(program),
        *flags,
        f"--metrics-addr=127.0.0.1:{port}",
        f"--health-addr=127.0.0.1:{port + 1}",
        "--enable-leader-election=false",
        "--watch-all-namespaces=true",
    ]
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "RUNTIME_NAMESPACE": NAMESPACE,
        "SOURCE_CONTROLLER_LOCALHOST": store,
        "HOME": str(home),
        "TMPDIR": str(home),
    }
    server = Server(program.name, command, cluster.folder / f"{program.name}.log", environment)
    server.start()
    return server


def _is_ready(server: Server, port: int) -> bool:
    server.check()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
