"""A local copy of a list, over a server that is scripted here; tests/cluster has a real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cluster.api import ApiError, UnreachableError
from hauberk.enforcer.cluster.reflector import Reflector

Answer = Any


def item(name: str, version: int, value: int = 0) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "web", "resourceVersion": str(version)}, "value": value}


def page(version: int, *items: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def event(kind: str, one: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": one}).encode()


class Server:
    """Answers in the order of its script; at the end of it, the reflector is ended."""

    def __init__(self, *script: Answer) -> None:
        self._script = iter(script)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.end: Callable[[], None] = lambda: None

    def _next(self) -> Answer:
        try:
            found = next(self._script)
        except StopIteration:
            self.end()
            return UnreachableError("the script is over")
        return found

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.asked.append(("list", dict(query or {})))
        found = self._next()
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, dict)
        return found

    def lines(self, path: str, query: Mapping[str, Any], silence: float) -> Iterator[bytes]:
        self.asked.append(("watch", dict(query)))
        found = self._next()
        if isinstance(found, Exception):
            raise found
        for line in found:
            if isinstance(line, Exception):
                raise line
            yield line


def run(*script: Answer) -> tuple[Reflector, Server, list[dict[str, int]]]:
    """The reflector after the script, and what it knew after each change."""
    server = Server(*script)
    known: list[dict[str, int]] = []

    def changed() -> None:
        known.append({one["metadata"]["name"]: one["value"] for one in reflector.objects()})

    backoff = Backoff(least=0, most=0)
    reflector = Reflector(server, "/things", dict, changed, {"fieldSelector": "a=b"}, backoff=backoff)
    server.end = reflector.end
    reflector.run()
    return reflector, server, known


def test_pages_are_listed_and_then_watched_from_their_version() -> None:
    reflector, server, known = run(page(5, item("a", 1), more="more"), page(7, item("b", 2)), [])
    assert known == [{"a": 0, "b": 0}]
    assert reflector.synced
    assert [what for what, _ in server.asked] == ["list", "list", "watch", "watch"]
    assert server.asked[0][1] == {"limit": 500, "fieldSelector": "a=b"}
    assert server.asked[1][1]["continue"] == "more"
    assert server.asked[2][1]["resourceVersion"] == "7"
    assert server.asked[2][1]["allowWatchBookmarks"] == "true"
    assert 300 <= server.asked[2][1]["timeoutSeconds"] <= 600


def test_events_change_the_copy_and_a_watch_goes_on_where_it_ended() -> None:
    changes = [
        event("ADDED", item("a", 6, 1)),
        event("MODIFIED", item("a", 7, 2)),
        event("BOOKMARK", {"metadata": {"resourceVersion": "90"}}),
    ]
    _, server, known = run(page(5), changes, [event("DELETED", item("a", 91))])
    assert known == [{}, {"a": 1}, {"a": 2}, {}]
    assert [query["resourceVersion"] for what, query in server.asked if what == "watch"] == ["5", "90", "91"]


def test_what_did_not_change_is_no_change() -> None:
    same = event("MODIFIED", item("a", 6, 1))
    assert run(page(5), [same, same], page(5))[2] == [{}, {"a": 1}]


@pytest.mark.parametrize(
    "gone",
    [
        [event("ERROR", {"code": 410, "reason": "Expired", "message": "too old resource version"})],
        ApiError("/things", 410, "Expired", "too old resource version"),
    ],
)
def test_a_version_that_is_too_old_is_listed_again_and_what_was_missed_is_a_change(gone: Answer) -> None:
    _, server, known = run(page(5, item("a", 1), item("b", 1)), gone, page(50, item("b", 1), item("c", 40)))
    assert known == [{"a": 0, "b": 0}, {"b": 0, "c": 0}]
    assert [what for what, _ in server.asked[:3]] == ["list", "watch", "list"]


@pytest.mark.parametrize(
    "broken",
    [
        UnreachableError("gone away"),
        ApiError("/things", 500, "InternalError", "no"),
        [event("ADDED", item("b", 6)), UnreachableError("cut")],
        [b'{"type": "ADD'],
        [event("ERROR", {"code": 500, "message": "no"})],
    ],
)
def test_while_the_server_is_away_the_copy_stays_and_the_watch_goes_on_after(broken: Answer) -> None:
    reflector, server, known = run(page(5, item("a", 1)), broken, [event("MODIFIED", item("a", 9, 3))])
    assert known[-1]["a"] == 3
    assert [what for what, _ in server.asked[:3]] == ["list", "watch", "watch"]
    assert reflector.error == "the script is over"


def test_before_the_first_list_nothing_is_known() -> None:
    reflector, _, known = run(ApiError("/things", 403, "Forbidden", "may not"))
    assert (reflector.synced, known) == (False, [])


def test_watches_that_end_at_once_are_spread() -> None:
    waits: list[float] = []

    def chance(least: float, most: float) -> float:
        waits.append(most)
        return 0.0

    server = Server(page(5), *([[]] * 20))
    reflector = Reflector(server, "/things", dict, lambda: None, backoff=Backoff(least=0.5, most=60, chance=chance))
    server.end = reflector.end
    reflector.run()
    assert len(waits) == 21


def test_a_watch_that_was_cut_after_it_told_something_is_asked_for_soon() -> None:
    waits: list[float] = []

    def chance(least: float, most: float) -> float:
        waits.append(most)
        return 0.0

    cut = [[event("ADDED", item(f"a{number}", 6 + number)), UnreachableError("cut")] for number in range(5)]
    server = Server(page(5), *cut)
    reflector = Reflector(server, "/things", dict, lambda: None, backoff=Backoff(least=0.5, most=60, chance=chance))
    server.end = reflector.end
    reflector.run()
    assert waits[:5] == [0.5] * 5


def test_waits_grow_up_to_a_bound() -> None:
    backoff = Backoff(least=1, most=60, chance=lambda _, most: most)
    assert [backoff.next() for _ in range(6)] == [1, 3, 9, 27, 60, 60]
    backoff.reset()
    assert backoff.next() == 1


def test_staleness_is_the_time_since_the_server_was_heard() -> None:
    now = [0.0]
    reflector = Reflector(Server(page(5)), "/things", dict, lambda: None, clock=lambda: now[0])
    now[0] = 42
    assert reflector.staleness() == 42
