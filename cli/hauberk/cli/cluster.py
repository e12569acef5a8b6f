"""What lives in a cluster: the only module of the command line that imports the Kubernetes client.

Everything is listed by pages and nothing is watched or written; what is not needed of a pod is dropped at once.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hauberk.cli.liveobjects import Document, kept_namespace, kept_pod, selected_keys
from hauberk.cli.output.visible import visible
from hauberk.policy.loose import is_mapping, listing, mapping
from hauberk.policy.problems import HauberkError
from hauberk.policy.reportcrds import GROUP as REPORT_GROUP
from hauberk.policy.reportcrds import VERSION as REPORT_VERSION

GROUP, VERSION = "security.kubearmor.com", "v1"
PLURALS = {
    "KubeArmorPolicy": "kubearmorpolicies",
    "KubeArmorClusterPolicy": "kubearmorclusterpolicies",
    "KubeArmorHostPolicy": "kubearmorhostpolicies",
}
PAGE = 500
_CONNECT, _READ = 5.0, 60.0
_USUAL = "~/.kube/config"


@dataclass(frozen=True, slots=True)
class Where:
    """How the cluster is reached; `namespaces` are those to look at, none for all."""

    kubeconfig: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()


@dataclass(slots=True)
class Live:
    """Objects as the API server has them; of pods one of each kind, with nothing but what selects and names them.

    `unread` are kinds that could not be looked at, `notes` say why: nothing is said about them.
    """

    name: str
    policies: list[Document] = field(default_factory=list[Document])
    namespaces: list[Document] = field(default_factory=list[Document])
    pods: list[Document] = field(default_factory=list[Document])
    pod_count: int = 0
    notes: list[str] = field(default_factory=list[str])
    unread: set[str] = field(default_factory=set[str])
    reports: list[Document] = field(default_factory=list[Document])
    """DriftReports and their twins: what nodes say, where enforcers run."""


def read(where: Where, selected: Iterable[str], progress: Callable[[int, int], None]) -> Live:
    """Policies, namespaces and pods; raises HauberkError where they cannot be read, in one line.

    `selected` are label keys that selectors name besides those of the cluster's own policies.
    """
    reader = _Reader(where)
    live = Live(reader.name)
    found = 0

    def seen(documents: Iterator[Document]) -> Iterator[Document]:
        nonlocal found
        for document in documents:
            found += 1
            progress(found, 0)
            yield document

    for kind, plural in PLURALS.items():
        live.policies += seen(reader.policies(kind, plural, live))
    live.namespaces += seen(reader.namespaces())
    keys = {*selected, *(key for policy in live.policies for key in selected_keys(policy))}
    alike: set[str] = set()
    for pod in seen(reader.pods()):
        live.pod_count += 1
        kept = kept_pod(pod, keys)
        same = json.dumps({**kept, "metadata": {**kept["metadata"], "name": ""}}, sort_keys=True)
        if same not in alike:
            alike.add(same)
            live.pods.append(kept)
    live.reports += seen(reader.drifts(live))
    return live


@dataclass(frozen=True, slots=True)
class Said:
    """What the nodes of a cluster say: NodePolicyStatus objects, reports of drift; and all policies.

    `beats` are the Leases of the nodes' daemons, None where they could not be looked at; `notes` say what could not.
    """

    cluster: str
    nodes: list[Document]
    drifts: list[Document]
    policies: list[Document]
    beats: list[Document] | None
    notes: list[str]


def reports(where: Where, lease_namespace: str) -> Said:
    """All that nodes say of themselves.

    Raises:
        HauberkError: they cannot be read; in one line.

    """
    reader = _Reader(where)
    try:
        nodes = list(reader.reports("nodepolicystatuses"))
    except _AbsentError:
        raise HauberkError(
            f"{reader.name}: the cluster has no nodepolicystatuses.{REPORT_GROUP}: `hauberk crds` defines them"
        ) from None
    drifts = [one for plural in ("driftreports", "clusterdriftreports") for one in reader.reports(plural)]
    policies: list[Document] = []
    notes: list[str] = []
    for kind, plural in PLURALS.items():
        try:
            policies += reader.policies(kind, plural, Live(reader.name))
        except HauberkError as error:
            reason = error.reason if isinstance(error, _ForbiddenError) else str(error)
            notes.append(f"{plural} are not looked at, so none is told that selects nothing: {reason}")
    beats: list[Document] | None = None
    try:
        beats = list(reader.leases(lease_namespace))
    except _ForbiddenError as error:
        notes.append(f"Leases are not looked at, so none is told that is silent: {error.reason}")
    if nodes and beats == []:
        notes.append(f"there is no Lease in {lease_namespace}: --lease-namespace names where the nodes have theirs")
    return Said(reader.name, nodes, drifts, policies, beats, notes)


class _Reader:
    def __init__(self, where: Where) -> None:
        self._client, self.name = _connect(where)
        self._namespaces = where.namespaces

    def policies(self, kind: str, plural: str, live: Live) -> Iterator[Document]:
        base = f"/apis/{GROUP}/{VERSION}"
        paths = [f"{base}/{plural}"]
        if self._namespaces and kind == "KubeArmorPolicy":
            paths = [f"{base}/namespaces/{name}/{plural}" for name in self._namespaces]
        try:
            for path in paths:
                for item in self._pages(path):
                    yield {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, **item}
        except _AbsentError:
            if kind == "KubeArmorPolicy":
                raise HauberkError(
                    f"{self.name}: the cluster has no {plural}.{GROUP}: install KubeArmor or its CRDs first"
                ) from None
            live.notes.append(f"the cluster has no {plural}.{GROUP}")
        except _ForbiddenError as error:
            if not self._namespaces or kind == "KubeArmorPolicy":
                raise
            # who asks about namespaces may have rights there only
            live.unread.add(kind)
            live.notes.append(f"{plural} are not looked at: {error.reason}")

    def reports(self, plural: str) -> Iterator[Document]:
        yield from self._pages(f"/apis/{REPORT_GROUP}/{REPORT_VERSION}/{plural}")

    def leases(self, namespace: str) -> Iterator[Document]:
        yield from self._pages(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")

    def drifts(self, live: Live) -> Iterator[Document]:
        """Of the namespaces that are looked at; a cluster without enforcers has none."""
        plurals = [f"namespaces/{name}/driftreports" for name in self._namespaces]
        for plural in plurals or ["driftreports", "clusterdriftreports"]:
            try:
                yield from self.reports(plural)
            except _AbsentError:
                continue
            except _ForbiddenError as error:
                live.notes.append(f"what nodes report is not looked at: {error.reason}")

    def namespaces(self) -> Iterator[Document]:
        if not self._namespaces:
            yield from (kept_namespace(item) for item in self._pages("/api/v1/namespaces"))
            return
        for name in self._namespaces:
            # a right to read it may be given in the namespace itself, one to list them may not
            try:
                yield kept_namespace(self._get(f"/api/v1/namespaces/{name}", ()))
            except _AbsentError:
                raise HauberkError(f"{self.name}: the cluster has no namespace {name}") from None

    def pods(self) -> Iterator[Document]:
        for path in [f"/api/v1/namespaces/{name}/pods" for name in self._namespaces] or ["/api/v1/pods"]:
            yield from self._pages(path)

    def _pages(self, path: str) -> Iterator[Document]:
        token = ""
        while True:
            query: list[tuple[str, str | int]] = [("limit", PAGE)]
            page = self._get(path, [*query, ("continue", token)] if token else query)
            for item in listing(page.get("items")):
                yield dict(mapping(item))
            token = str(mapping(page.get("metadata")).get("continue") or "")
            if not token:
                return

    def _get(self, path: str, query: Sequence[tuple[str, str | int]]) -> Document:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        client = self._client
        method, url, headers, _, _ = client.param_serialize(
            "GET",
            path,
            query_params=list(query),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer: Any = client.call_api(method, url, headers, _request_timeout=(_CONNECT, _READ))
            data: bytes = answer.read()
        except (HTTPError, ApiException, OSError) as error:
            raise HauberkError(f"{self.name}: {_reason(error)}: is the cluster up, and the context right?") from None
        except ValueError:
            # its text would show the token
            raise HauberkError(f"{self.name}: the token is no header value: log in again") from None
        if answer.status != 200:
            raise self._refusal(path, int(answer.status), data)
        try:
            found: Any = json.loads(data)
        except ValueError:
            found = None
        if not is_mapping(found):
            raise HauberkError(f"{self.name}: {path}: what answers is no API server: look for a proxy on the way")
        return dict(found)

    def _refusal(self, path: str, status: int, data: bytes) -> HauberkError:
        try:
            message = str(mapping(json.loads(data)).get("message") or "")
        except ValueError:
            message = data[:200].decode(errors="replace")
        message = _one_line(message)
        match status:
            case 401:
                return HauberkError(f"{self.name}: the API server does not know who asks (401): log in again")
            case 403:
                return _ForbiddenError(self.name, message)
            case 404:
                return _AbsentError(f"{self.name}: {path}: not there")
            case _:
                return HauberkError(f"{self.name}: {path}: the API server says {status}: {message}")


class _AbsentError(HauberkError):
    pass


class _ForbiddenError(HauberkError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}: bind the ClusterRole hauberk-drift (deploy/drift-role.yaml)")
        self.reason = reason


class _Said(logging.Handler):
    """Keeps what the client writes to the log, where a plugin of the kubeconfig fails: errors are told in one line."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def _connect(where: Where) -> tuple[Any, str]:
    """A client, and how messages call the cluster."""
    try:
        import kubernetes.client
        import kubernetes.config
    except ImportError:
        raise HauberkError("the Kubernetes client is not installed: pip install 'hauberk[cluster]'") from None
    said = _Said(logging.ERROR)
    logging.getLogger().addHandler(said)
    # half of the package has types
    client: Any = kubernetes.client
    config: Any = kubernetes.config
    configuration = client.Configuration()
    try:
        if _is_in_a_pod(where):
            config.load_incluster_config(configuration)
            name = "this cluster"
        else:
            files = _kubeconfig(where)
            config.load_kube_config(files, where.context, configuration, persist_config=False)
            contexts, active = config.list_kube_config_contexts(files)
            chosen = next((one for one in contexts if one["name"] == where.context), active)
            name = f"context {chosen['name']}"
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = _one_line(str(error).rstrip(". "))
        raise HauberkError(f"no cluster to ask: {reason}: name one with --kubeconfig or --context") from None
    if said.last and not configuration.api_key and not configuration.cert_file:
        # else it would ask as nobody, and be told that nobody has no rights
        raise HauberkError(f"no cluster to ask: {_one_line(said.last)}: mend the kubeconfig, or log in again")
    configuration.retries = False
    return client.ApiClient(configuration), name


def _is_in_a_pod(where: Where) -> bool:
    """Whether nothing names a cluster but the account of the pod that this runs in."""
    named = where.kubeconfig or where.context or os.environ.get("KUBECONFIG")
    return not named and "KUBERNETES_SERVICE_HOST" in os.environ and not Path(_USUAL).expanduser().exists()


def _kubeconfig(where: Where) -> str:
    """The file, or several with a colon between them, of which one must be there."""
    found = where.kubeconfig or os.environ.get("KUBECONFIG") or _USUAL
    if not any(Path(name).expanduser().exists() for name in found.split(os.pathsep)):
        raise FileNotFoundError(f"{found} is not there")
    return found


def _one_line(text: str) -> str:
    return visible(" ".join(text.split())[:500])


def _reason(error: Exception) -> str:
    """The innermost reason of an error of the transport, without its addresses of objects."""
    reason: Any = error
    while isinstance(getattr(reason, "reason", None), Exception):
        reason = reason.reason
    text = _one_line(str(reason) or str(getattr(error, "reason", None) or reason))
    # the client writes a status before its own errors, 0 as nothing answered
    text = text.removeprefix("(0) Reason: ")
    return text.partition(": ")[2] or text if "object at 0x" in text else text
