"""What is written to the API, and what happens when a part of it is refused (the server is a stand-in that counts)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hauberk.enforcer.cluster.api import ApiError, Query, UnreachableError
from hauberk.enforcer.cluster.events import Said
from hauberk.enforcer.cluster.publisher import News, Publisher, about_node
from hauberk.enforcer.cluster.reports import Versions
from hauberk.enforcer.node.daemon import Status
from hauberk.policy.problems import HauberkError

LEASE = "/apis/coordination.k8s.io/v1/namespaces/hauberk-system/leases/hauberk-enforcer-n1"
STATUS = "/apis/hauberk.dev/v1alpha1/nodepolicystatuses/n1"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


class Server:
    """Takes all but what it is told to refuse."""

    def __init__(self) -> None:
        self.refused: Callable[[str, str], bool] = lambda method, path: False
        self.away = False
        self.written: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.takes_owners = True

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        self._answer("GET", path)
        return {}

    def send(
        self, method: str, path: str, body: Mapping[str, Any], query: Query | None = None, *, kind: str = "json"
    ) -> dict[str, Any]:
        self._answer(method, path)
        if "ownerReferences" in body.get("metadata", {}) and not self.takes_owners:
            raise ApiError(path, 403, "Forbidden", "cannot set an ownerRef")
        self.written.append((method, path))
        self.bodies.append(dict(body))
        return dict(body)

    def delete(self, path: str) -> None:
        self._answer("DELETE", path)
        self.written.append(("DELETE", path))

    def _answer(self, method: str, path: str) -> None:
        if self.away:
            raise UnreachableError(f"{path}: nobody there")
        if self.refused(method, path):
            raise ApiError(path, 403, "Forbidden", "no")


class Bench:
    def __init__(self) -> None:
        self.now, self.set, self.uid, self.server = 1_000_000.0, 0.0, "", Server()
        versions = Versions("hauberk 0", "6.12", "28 programs", observing=False)
        self.told: list[str] = []
        self.publisher = Publisher(
            self.server,
            "n1",
            versions,
            "hauberk-system",
            jitter=0,
            now=lambda: self.now + self.set,
            clock=lambda: self.now,
            trouble=self.told.append,
            owner=lambda: self.uid,
        )
        self.publisher.tell(News(Status(containers=1), {}, {}))

    def write(self) -> list[tuple[str, str]]:
        self.server.written.clear()
        self.publisher.write()
        return list(self.server.written)


def test_only_what_changed_is_written() -> None:
    bench = Bench()
    assert [path for _, path in bench.write()] == [LEASE, STATUS, f"{STATUS}/status"]
    assert bench.write() == []
    bench.now += 11
    assert [path for _, path in bench.write()] == [LEASE]


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_is_set_changes_nothing_about_the_heartbeat(days: int) -> None:
    bench = Bench()
    bench.write()
    bench.set = days * 86400
    assert bench.write() == []
    bench.now += 11
    assert [path for _, path in bench.write()] == [LEASE]


def test_a_lease_that_is_refused_keeps_no_status_from_being_written() -> None:
    bench = Bench()
    bench.server.refused = lambda _, path: path == LEASE
    with pytest.raises(HauberkError, match="leases/hauberk-enforcer-n1: the API server says 403"):
        bench.publisher.write()
    assert [path for _, path in bench.server.written] == [STATUS, f"{STATUS}/status"]
    bench.server.refused = lambda _, path: False
    assert [path for _, path in bench.write()] == [LEASE]


def test_with_another_node_of_its_name_all_is_written_again() -> None:
    bench = Bench()
    bench.uid = "a"
    first = bench.write()
    assert bench.write() == []
    assert {one["metadata"]["ownerReferences"][0]["uid"] for one in bench.server.bodies} == {"a"}
    bench.uid = "b"
    bench.now += 11
    bench.server.bodies.clear()
    assert bench.write() == first
    assert {one["metadata"]["ownerReferences"][0]["uid"] for one in bench.server.bodies} == {"b"}


def test_where_no_owner_may_be_set_there_is_none() -> None:
    bench = Bench()
    bench.uid, bench.server.takes_owners = "a", False
    assert [path for _, path in bench.write()] == [LEASE, STATUS, f"{STATUS}/status"]
    assert not any("ownerReferences" in one["metadata"] for one in bench.server.bodies)


def test_a_status_that_was_deleted_is_made_again() -> None:
    bench = Bench()
    bench.write()
    bench.publisher.tell(News(Status(containers=2), {}, {}, stale="for 5 minutes"))
    bench.server.refused = lambda _, path: path.endswith("/status")
    with pytest.raises(HauberkError):
        bench.publisher.write()
    bench.server.refused = lambda _, path: False
    assert [path for _, path in bench.write()] == [STATUS, f"{STATUS}/status"]


def test_an_event_that_is_gone_is_said_anew() -> None:
    bench = Bench()
    said = Said(about_node("n1"), "Warning", "Tampered", "Compare", "n")
    bench.publisher.say(said)
    assert ("POST", EVENTS) in bench.write()
    bench.publisher.say(said)
    bench.server.refused = lambda method, path: method == "PATCH" and path.startswith(EVENTS)
    assert bench.write() == []
    assert bench.publisher.events_dropped == 1
    bench.publisher.say(said)
    assert bench.write() == [("POST", EVENTS)]


def test_trouble_is_said_once_and_so_is_its_end() -> None:
    bench = Bench()
    bench.server.away = True
    bench.publisher.start()
    _wait(lambda: bench.publisher.failures > 1)
    (said,) = bench.told
    assert said.endswith("nobody there")
    bench.server.away = False
    _wait(lambda: bench.told[-1] == "")
    bench.publisher.end()
    assert ("PATCH", f"{STATUS}/status") in bench.server.written


def _wait(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)
