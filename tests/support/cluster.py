"""A real cluster of two processes, etcd and kube-apiserver, and the few controllers that tests need."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import create_default_context
from typing import IO, Any

import yaml

_PORT = 16443
_READY = 60.0
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "validatingadmissionpolicy-status-controller",
)


@dataclass(slots=True)
class Server:
    """A process with its log; it ends with the tests, however they end."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    _process: subprocess.Popen[bytes] | None = None
    _file: IO[bytes] | None = None

    def start(self) -> None:
        self._file = self.log.open("ab")
        self._process = subprocess.Popen(
            [*_WITH_US, *self.command],
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
        )

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._file is not None:
            self._file.close()

    def check(self) -> None:
        """Raises RuntimeError with the end of the log if the process is no more."""
        if self._process is None or self._process.poll() is not None:
            end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"{self.name} ended:\n{end}")


@dataclass(slots=True)
class Cluster:
    """`kubeconfig` is the administrator's; `clients` is the folder of kubectl and helm."""

    folder: Path
    kubeconfig: Path
    url: str
    token: str
    clients: Path
    servers: dict[str, Server]

    @property
    def authority(self) -> Path:
        return self.folder / "certificates/apiserver.crt"

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """What kubectl writes; raises AssertionError with its complaint."""
        done = subprocess.run(
            [self.clients / "kubectl", *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)},
        )
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout if done.returncode == 0 else done.stderr

    def apply(self, *documents: Any) -> None:
        """Creates or changes objects by server-side apply, as Flux does."""
        text = yaml.safe_dump_all(documents) if documents else ""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=text)

    def add_crds(self, text: str) -> None:
        """Applies CRDs, and waits until the API server serves their kinds."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=text)

        def are_established() -> bool:
            found = self.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")[1]["items"]
            said = [
                {one["type"]: one["status"] for one in item.get("status", {}).get("conditions") or ()} for item in found
            ]
            return all(one.get("Established") == "True" for one in said)

        until(are_established, 30, "the CRDs are established")

    def request(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer of one request to the API server."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content, "Accept": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310  loopback
        context = create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text.decode(errors="replace")}

    def compact(self) -> None:
        """Has etcd forget all versions but the last, as it does by itself after some minutes of many changes."""
        found = _etcd("maintenance/status", {})
        _etcd("kv/compaction", {"revision": found["header"]["revision"], "physical": True})

    def token_of(self, namespace: str, account: str) -> str:
        """A token of a service account."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        status, answer = self.request("POST", path, {"spec": {}})
        assert status == 201, answer
        return str(answer["status"]["token"])

    def config_for(self, name: str, token: str) -> Path:
        """A kubeconfig for another user of this cluster."""
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(_kubeconfig(self.url, self.authority, name, token))
        path.chmod(0o600)
        return path


def _etcd(what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Asks etcd itself, over its gateway for JSON."""
    url, data = f"http://127.0.0.1:{_PORT + 1}/v3/{what}", json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def until(happens: Callable[[], Any], seconds: float, what: str, found: Callable[[], Any] = lambda: "") -> Any:
    """The first true answer; raises AssertionError with what is `found` instead when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = happens()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what}\n{found()}"
        time.sleep(0.1)


@contextmanager
def running(folder: Path, kube: Path, clients: Path) -> Iterator[Cluster]:
    """A cluster in this network, ready; all of it is gone afterwards."""
    for name in ("etcd", "certificates"):
        (folder / name).mkdir(parents=True)
    client, peer = (f"http://127.0.0.1:{_PORT + offset}" for offset in (1, 2))
    url, token = f"https://127.0.0.1:{_PORT}", secrets.token_hex(16)
    _secrets(folder / "certificates", token)
    cluster = Cluster(folder, folder / "admin.kubeconfig", url, token, clients, {})
    cluster.kubeconfig.write_text(_kubeconfig(url, cluster.authority, "admin", token))
    cluster.kubeconfig.chmod(0o600)
    for name, flags in _flags(folder, cluster.kubeconfig, client, peer).items():
        cluster.servers[name] = Server(name, [str(kube / "kubebench"), name, *flags], folder / f"{name}.log")
    try:
        for name in ("etcd", "apiserver"):
            cluster.servers[name].start()
        wait_ready(cluster)
        cluster.servers["controllers"].start()
        yield cluster
    finally:
        for server in reversed(cluster.servers.values()):
            server.stop()


def wait_ready(cluster: Cluster) -> None:
    """Until the API server says so; raises RuntimeError if it, or etcd, ends instead."""

    def is_ready() -> bool:
        cluster.servers["etcd"].check()
        cluster.servers["apiserver"].check()
        return _says_ok(cluster)

    until(is_ready, _READY, "the API server is ready")


def _says_ok(cluster: Cluster) -> bool:
    if not cluster.authority.exists():
        return False
    request = urllib.request.Request(f"{cluster.url}/readyz", headers={"Authorization": f"Bearer {cluster.token}"})  # noqa: S310
    try:
        context = create_default_context(cafile=str(cluster.authority))
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:  # noqa: S310
            return bool(answer.read() == b"ok")
    except OSError:
        return False


def _secrets(folder: Path, token: str) -> None:
    """The key of service accounts, and the administrator's token."""
    private, public = folder / "accounts.key", folder / "accounts.pub"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    tokens = folder / "tokens.csv"
    tokens.touch(0o600)
    tokens.write_text(f"{token},admin,admin,system:masters\n")


def _kubeconfig(url: str, authority: Path, user: str, token: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": str(authority)}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            "current-context": "tests",
        }
    )


def _flags(folder: Path, kubeconfig: Path, client: str, peer: str) -> dict[str, list[str]]:
    """By server. Without the watch progress of etcd no bookmark comes for ten minutes."""
    certificates = folder / "certificates"
    key, public = certificates / "accounts.key", certificates / "accounts.pub"
    return {
        "etcd": [
            "--name=tests",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=tests={peer}",
            "--unsafe-no-fsync",
            "--watch-progress-notify-interval=5s",
            "--log-level=warn",
        ],
        "apiserver": [
            f"--etcd-servers={client}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={_PORT}",
            f"--cert-dir={certificates}",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={certificates / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            # pods are made by hand, without any account
            "--disable-admission-plugins=ServiceAccount",
        ],
        "controllers": [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={_PORT + 3}",
            f"--cert-dir={certificates}",
            "--leader-elect=false",
            f"--service-account-private-key-file={key}",
            f"--controllers={','.join(CONTROLLERS)}",
        ],
    }
