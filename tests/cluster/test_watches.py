"""The daemon's watches against a real API server and a real etcd that forgets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cluster import reflector
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


class Wire:
    """Connections to the API server on a port of its own: they can be cut, or go silent without an end."""

    def __init__(self, url: str) -> None:
        self._to = int(url.rpartition(":")[2])
        self._listens = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listens.getsockname()[1])

    def cut(self) -> None:
        """All that are open; others may be opened at once."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listens.close()
        self.flows.set()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listens.accept()
                theirs = socket.create_connection(("127.0.0.1", self._to))
                self._open += [ours, theirs]
                for ends in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self.flows.wait()
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    found = Wire(cluster.url)
    yield found
    found.close()


@pytest.fixture(scope="module", autouse=True)
def space(cluster: Cluster) -> Iterator[None]:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    yield
    cluster.kubectl("delete", "namespace", SPACE, "--wait=false")


@pytest.fixture
def line(cluster: Cluster) -> Line:
    return Line(Api(cluster.kubeconfig))


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


def test_a_connection_that_is_cut_or_goes_silent_is_made_anew(
    cluster: Cluster, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection whose other end is gone without a word is half open."""
    monkeypatch.setattr(reflector, "_SILENCE", 3.0)
    config = tmp_path / "kubeconfig"
    config.write_text(cluster.kubeconfig.read_text().replace(cluster.url, f"https://127.0.0.1:{wire.port}"))
    say(cluster, "one", "before")
    backoff = Backoff(least=0.1, most=1.0)
    watched = Reflector(Api(config), PATH, lambda one: dict(one.get("data") or {}), lambda: None, backoff=backoff)
    watched.start()

    def seen() -> str | None:
        return (watched.find(SPACE, "one") or {}).get("said")

    until(lambda: seen() == "before", WITHIN, "the watch is at work")
    wire.cut()
    say(cluster, "one", "cut")
    until(lambda: seen() == "cut", WITHIN, "it watches again")
    wire.flows.clear()
    say(cluster, "one", "silent")
    until(lambda: watched.error, WITHIN, "the silence is noticed")
    assert (seen(), watched.staleness() >= 3) == ("cut", True)
    wire.flows.set()
    until(lambda: seen() == "silent", WITHIN, "what was missed is there")
    watched.end()
