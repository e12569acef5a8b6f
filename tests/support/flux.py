"""Flux's source-controller and kustomize-controller, run beside a cluster."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.cluster import Cluster, Server, until

_PORT = 16500
NAMESPACE = "flux-system"


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
