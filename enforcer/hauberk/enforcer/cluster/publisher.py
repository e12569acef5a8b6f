"""Writes what the node says of itself: only what changed, later when the API server is away, and never in a flood."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cluster import openreports, reports
from hauberk.enforcer.cluster.api import ApiError
from hauberk.enforcer.cluster.events import Correlator, Regarding, Said, Write
from hauberk.enforcer.cluster.mirror import Mirror, Transport
from hauberk.enforcer.cluster.reports import API, Digests, Drift, Object, Versions
from hauberk.enforcer.node.daemon import Status
from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject
from hauberk.policy.loose import mapping
from hauberk.policy.model import GROUP_VERSION
from hauberk.policy.problems import HauberkError

MANAGER = "hauberk-enforcer"
_BASE = f"/apis/{API}"
_LEASE_SECONDS = 40
_FORBIDDEN = 403
_MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class News:
    """How the node stands, with the policies that are there and the versions of them that are in force."""

    status: Status
    policies: Mapping[PolicyKey, PolicyObject]
    accepted: Mapping[PolicyKey, PolicyObject]
    drifts: tuple[Drift, ...] = ()
    stale: str = ""


def stamp(at: float) -> str:
    """RFC 3339 with microseconds, as Events and Leases have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Publisher:
    """Writes from a thread of its own; `jitter` is the longest wait before a change is written, in seconds."""

    def __init__(
        self,
        api: Transport,
        node: str,
        versions: Versions,
        namespace: str,
        *,
        jitter: float = 2.0,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        trouble: Callable[[str], None] = lambda _: None,
        open_reports: bool = False,
        owner: Callable[[], str] = str,
    ) -> None:
        """With `open_reports`, Report objects are written, too. `now` is told, `clock` counts: nobody sets it.

        `trouble` is told why nothing is written, once for each reason, and "" when it is over. `owner` gives the uid of
        the Node, "" while it is not known: with the Node, what is written about it goes.
        """
        self._api, self._node, self._versions, self._namespace = api, node, versions, namespace
        self._jitter, self._now, self._clock, self._trouble = jitter, now, clock, trouble
        self._digests = Digests()
        self._news: News | None = None
        self._wake = threading.Event()
        self._ends = threading.Event()
        self._correlator = Correlator(node, now, stamp, clock)
        self._events: deque[Write] = deque()
        self._written: Object | None = None
        self._drifts = Mirror(api, reports.kinds(node), self._apply)
        self._owner, self._owned = owner, ""
        self._open_reports = Mirror(api, openreports.kinds(node), self._apply) if open_reports else None
        self._renewed: float | None = None
        self._saying = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
        self.error = ""
        self.writes = 0
        self.failures = 0

    @property
    def events_dropped(self) -> int:
        """Events that were too many, or that the API server refused."""
        return self._correlator.dropped

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """After what waits is written, if the API server is there."""
        self._ends.set()
        self._wake.set()
        self._thread.join(10)

    def tell(self, news: News) -> None:
        """How the node stands from now on; what was not written yet never will be."""
        self._news = news
        self._wake.set()

    def say(self, said: Said) -> None:
        """An Event, if it is one of not too many."""
        with self._saying:
            write = self._correlator.take(said)
        if write is not None:
            if len(self._events) < _MOST_EVENTS:
                self._events.append(write)
            else:
                self._correlator.dropped += 1
            self._wake.set()

    # -- the thread

    def _run(self) -> None:
        backoff = Backoff()
        while True:
            self._wake.wait(5.0)
            ends = self._ends.is_set()
            if self._wake.is_set() and not ends:
                # a change reaches all nodes at once, and the API server should not hear of it from all at once
                self._ends.wait(random.uniform(0, self._jitter))  # noqa: S311  no secret
            self._wake.clear()
            try:
                self.write()
            except Exception as error:  # noqa: BLE001  a thread that ends would be missed by nobody
                self.failures += 1
                self._say_trouble(str(error) or type(error).__name__)
                if ends:
                    return
                self._wake.set()
                self._ends.wait(backoff.next())
            else:
                self._say_trouble("")
                backoff.reset()
            if ends:
                return

    def _say_trouble(self, error: str) -> None:
        if error != self.error:
            self.error = error
            self._trouble(error)

    def write(self) -> None:
        """All that differs from what was written; that one thing is refused keeps no other from being written.

        Raises:
            HauberkError: something was refused, or there is no answer (UnreachableError).

        """
        owner = self._owner()
        if owner != self._owned:
            # with another Node of its name, what was written went: all of it is written again
            self._owned, self._written = owner, None
            self._drifts.forget()
            if self._open_reports is not None:
                self._open_reports.forget()
        refused: list[str] = []

        def tried(parts: Iterable[Callable[[], object]]) -> None:
            for part in parts:
                try:
                    part()
                except ApiError as error:
                    refused.append(str(error))

        parts: list[Callable[[], object]] = [self._renew, self._write_events]
        news = self._news
        if news is not None:
            parts += [
                partial(self._write_status, news),
                lambda: tried(self._drift_writes(news)),
                lambda: tried(self._report_writes(news)),
            ]
        tried(parts)
        if refused:
            raise HauberkError("; ".join(refused[:3]))

    def _write_status(self, news: News) -> None:
        try:
            self._write_own_status(news)
        except ApiError:
            # somebody deleted it: it is made again
            self._written = None
            raise

    def _write_own_status(self, news: News) -> None:
        path = f"{_BASE}/nodepolicystatuses/{self._node}"
        if self._written is None:
            found = self._send("PATCH", path, reports.node_object(self._node), kind="apply-patch+yaml")
            self._written = dict(mapping(found.get("status")))
        status = reports.node_status(
            news.status,
            news.accepted,
            self._versions,
            self._digests,
            stale=news.stale,
            old=self._written,
            now=_seconds(self._now()),
        )
        if status == self._written:
            return
        body = {**reports.node_object(self._node), "status": status}
        del body["spec"]
        self._send("PATCH", f"{path}/status", body, kind="apply-patch+yaml")
        self._written = status

    def _drift_writes(self, news: News) -> Iterator[Callable[[], None]]:
        now = _seconds(self._now())
        return self._drifts.writes(reports.drift_objects(self._node, news.drifts, self._drifts.found(), now))

    def _report_writes(self, news: News) -> Iterator[Callable[[], None]]:
        if self._open_reports is None:
            return iter(())
        standings = news.status.standings
        return self._open_reports.writes(openreports.reports_of(self._node, standings, news.drifts, news.policies))

    def _write_events(self) -> None:
        while self._events:
            # taken off only when it is written, or refused
            self._write_event(self._events[0])
            self._events.popleft()

    def _write_event(self, write: Write) -> None:
        path = f"/apis/events.k8s.io/v1/namespaces/{write.namespace}/events"
        try:
            if write.count:
                self._send("PATCH", f"{path}/{write.name}", write.body, kind="merge-patch+json", owned=False)
            else:
                self._send("POST", path, write.body, owned=False)
        except ApiError:
            # its namespace may be gone, or it has expired: an Event is no reason to try again and again
            with self._saying:
                self._correlator.dropped += 1
                self._correlator.forget(write.name)

    def _renew(self) -> None:
        if self._renewed is not None and self._clock() - self._renewed < _LEASE_SECONDS / 4:
            return
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases/{MANAGER}-{self._node}"
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": f"{MANAGER}-{self._node}", "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._node,
                "leaseDurationSeconds": _LEASE_SECONDS,
                "renewTime": stamp(self._now()),
            },
        }
        self._send("PATCH", path, body, kind="apply-patch+yaml")
        self._renewed = self._clock()

    def _apply(self, path: str, one: Mapping[str, Any]) -> None:
        self._send("PATCH", path, one, kind="apply-patch+yaml")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any], *, kind: str = "json", owned: bool = True
    ) -> Object:
        query: dict[str, str | int] = {"fieldManager": MANAGER, "force": "true"} if owned else {}
        self.writes += 1
        if owned and self._owned:
            owner = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": self._owned}
            try:
                with_owner = {**body, "metadata": {**body["metadata"], "ownerReferences": [owner]}}
                return self._api.send(method, path, with_owner, query, kind=kind)
            except ApiError as error:
                # clusters may refuse an owner for what is there already without one, or with another
                if error.status != _FORBIDDEN:
                    raise
        return self._api.send(method, path, body, query, kind=kind)


def _seconds(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def about_policy(key: PolicyKey, one: PolicyObject | None) -> Regarding:
    """For Events on a policy."""
    return Regarding(GROUP_VERSION, key.kind, key.name, key.namespace, one.uid if one else "")


def about_node(name: str) -> Regarding:
    """For Events on the node, in the way that kubelets name it."""
    return Regarding("v1", "Node", name, "", name)
