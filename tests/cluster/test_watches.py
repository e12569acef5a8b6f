"""The daemon's watches against a real API server and a real etcd that forgets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cluster.api import Api, ApiError, Query, UnreachableError
from hauberk.enforcer.cluster.reflector import Reflector
from support.cluster import Cluster, until, wait_ready

SPACE = "watches"
PATH = f"/api/v1/namespaces/{SPACE}/configmaps"
WITHIN = 60


class Line:
    """The network between a node and the API server, which can be cut."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.cut = threading.Event()
        self.lists = 0
        self.expired = 0

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        self._check()
        self.lists += 1
        return self._api.get(path, query)

    def lines(self, path: str, query: Query, silence: float) -> Iterator[bytes]:
        self._check()
        try:
            for line in self._api.lines(path, query, silence):
                self._check()
                self.expired += b'"code":410' in line
                yield line
        except ApiError as error:
            self.expired += error.status == 410
            raise

    def _check(self) -> None:
        if self.cut.is_set():
            raise UnreachableError("the line is cut")


@pytest.fixture
def line(cluster: Cluster) -> Iterator[Line]:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    yield Line(Api(cluster.kubeconfig))
    cluster.kubectl("delete", "namespace", SPACE, "--wait=false")


def say(cluster: Cluster, name: str, value: str) -> None:
    metadata = {"name": name, "namespace": SPACE}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"said": value}})


def test_what_etcd_has_compacted_away_is_listed_again(cluster: Cluster, line: Line) -> None:
    """A node that was away for longer than the server remembers: 410, and what it has is right afterwards."""
    say(cluster, "kept", "before")
    say(cluster, "gone", "before")
    watched = Reflector(
        line, PATH, lambda one: dict(one.get("data") or {}), lambda: None, backoff=Backoff(least=0.1, most=1.0)
    )
    watched.start()

    def seen(name: str) -> str | None:
        found = watched.find(SPACE, name)
        return None if found is None else str(found.get("said"))

    until(lambda: seen("gone") == "before", WITHIN, "the watch is at work")
    say(cluster, "kept", "heard")
    until(lambda: seen("kept") == "heard", WITHIN, "a change is heard")
    line.cut.set()
    # ends the watch that is open; a bookmark would, too
    say(cluster, "kept", "unheard")
    until(lambda: watched.error, WITHIN, "the cut is noticed")
    listed = line.lists
    for number in range(20):
        say(cluster, "kept", str(number))
    cluster.kubectl("delete", "configmap", "gone", "-n", SPACE)
    cluster.compact()
    server = cluster.servers["apiserver"]
    # it remembers changes itself, too
    server.stop()
    server.start()
    wait_ready(cluster)
    assert (seen("kept"), seen("gone")) == ("heard", "before")
    line.cut.clear()
    until(lambda: (seen("kept"), seen("gone")) == ("19", None), WITHIN, "what was missed is there")
    assert line.expired
    assert line.lists > listed
    say(cluster, "kept", "after")
    until(lambda: seen("kept") == "after", WITHIN, "it watches again")
    watched.end()
