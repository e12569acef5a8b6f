"""Argo CD's application controller and repo server, run beside a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.cluster import Cluster, Server

_PORT = 16600
NAMESPACE = "argocd"
_CONFIG_MAPS = ("argocd-cm", "argocd-rbac-cm", "argocd-tls-certs-cm", "argocd-ssh-known-hosts-cm", "argocd-gpg-keys-cm")


@contextmanager
def argo(cluster: Cluster, programs: Path, kustomize: Path) -> Iterator[None]:
    """Both, with what they ask a cluster for; their metrics listen on every address of this network."""
    cluster.add_crds((programs / "crds.yaml").read_text())
    cluster.apply(*_objects())
    home = cluster.folder / "argo"
    environment = _environment(cluster, home, kustomize)
    program = str(programs / "argobench")
    redis, repository = f"127.0.0.1:{_PORT}", f"127.0.0.1:{_PORT + 1}"
    commands = {
        "redis": ["redis", redis],
        "repo-server": [
            "repo-server",
            "--address=127.0.0.1",
            f"--port={_PORT + 1}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={_PORT + 2}",
            f"--redis={redis}",
            "--disable-tls",
            "--client-ca-path=",
            # a branch is looked up again each time, not once in three minutes
            "--revision-cache-expiration=1s",
        ],
        "controller": [
            "controller",
            f"--namespace={NAMESPACE}",
            f"--redis={redis}",
            f"--repo-server={repository}",
            "--repo-server-plaintext",
            f"--metrics-port={_PORT + 3}",
            "--app-resync=5",
            "--app-resync-jitter=0",
            # else each self-heal makes the next, and pruning, wait longer
            "--self-heal-backoff-timeout-seconds=1",
            "--self-heal-backoff-factor=1",
            "--self-heal-backoff-cap-seconds=1",
        ],
    }
    servers = [
        Server(name, [program, *command], cluster.folder / f"argo-{name}.log", environment)
        for name, command in commands.items()
    ]
    try:
        for server in servers:
            server.start()
        yield
        for server in servers:
            server.check()
    finally:
        for server in reversed(servers):
            server.stop()


def _environment(cluster: Cluster, home: Path, kustomize: Path) -> dict[str, str]:
    folders = {name: home / name for name in ("tls", "ssh", "gpg", "keys", "tmp", "bin")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["ssh"] / "ssh_known_hosts").touch()
    # the repo server asks it for every commit; nothing is signed here
    verify = folders["bin"] / "git-verify-wrapper.sh"
    verify.write_text("#!/bin/sh\nexit 0\n")
    verify.chmod(0o755)
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(
        cluster.kubeconfig.read_text().replace("user: admin", f"user: admin\n    namespace: {NAMESPACE}")
    )
    return {
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_TLS_DATA_PATH": str(folders["tls"]),
        "ARGOCD_SSH_DATA_PATH": str(folders["ssh"]),
        "ARGOCD_GPG_DATA_PATH": str(folders["gpg"]),
        "ARGOCD_GNUPGHOME": str(folders["keys"]),
        "ARGOCD_GPG_ENABLED": "false",
        # https://kubernetes.default.svc is the cluster of the kubeconfig
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "HOME": str(home),
        "TMPDIR": str(folders["tmp"]),
        "HOSTNAME": "argocd-application-controller-0",
        "PATH": f"{folders['bin']}:{kustomize}:{os.environ['PATH']}",
    }


def _objects() -> list[dict[str, Any]]:
    part = {"app.kubernetes.io/part-of": "argocd"}

    def metadata(name: str) -> dict[str, Any]:
        return {"name": name, "namespace": NAMESPACE, "labels": {**part, "app.kubernetes.io/name": name}}

    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name)} for name in _CONFIG_MAPS),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata("argocd-secret"),
            "type": "Opaque",
            "stringData": {"server.secretkey": "tests"},
        },
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        },
    ]
