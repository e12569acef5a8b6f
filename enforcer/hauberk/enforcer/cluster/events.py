"""Events on policies and on the node, correlated so that they never flood (pure but for the clock it is given).

As client-go does (tools/events): what is alike becomes a series with a count, and each object has a burst of 25, then
one more in 300 s.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BURST = 25
REFILL = 300.0
SERIES_ENDS = 360.0
REFRESH = 1800.0
MOST_OBJECTS = 4096
NOTE = 1024
"""Bytes of a note that the API server takes."""
CONTROLLER = "hauberk.dev/enforcer"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Regarding:
    """What an event is about."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""

    def document(self) -> Object:
        found = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}
        return (
            found | ({"namespace": self.namespace} if self.namespace else {}) | ({"uid": self.uid} if self.uid else {})
        )


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that happened; `kind` is Normal or Warning."""

    regarding: Regarding
    kind: str
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float
    written: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Write:
    """A request: a new Event (`count` 0), or the series of one that is there."""

    namespace: str
    name: str
    body: Object
    count: int = 0


@dataclass(slots=True)
class Correlator:
    """Decides which of many are written.

    `now` gives seconds since the epoch, for what is written; `clock` those that pass, however the node's clock is set.
    """

    instance: str
    now: Callable[[], float]
    stamp: Callable[[float], str]
    clock: Callable[[], float]
    dropped: int = 0
    _series: OrderedDict[tuple[str, ...], _Series] = field(default_factory=OrderedDict[tuple[str, ...], _Series])
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict[str, _Bucket])
    _number: int = 0

    def take(self, said: Said) -> Write | None:
        """What is to be written now, None when this one is only counted."""
        now, at = self.now(), self.clock()
        about = said.regarding
        key = (said.kind, said.reason, said.action, about.kind, about.namespace, about.name)
        series = self._series.get(key)
        if series is not None and at - series.last <= SERIES_ENDS:
            series.count += 1
            series.last = at
            self._series.move_to_end(key)
            # the first repetition says that there is a series; later ones wait
            if series.count > 2 and at - series.written < REFRESH:
                return None
            if not self._allowed(about, at):
                return None
            series.written = at
            last = {"count": series.count, "lastObservedTime": self.stamp(now)}
            return Write(about.namespace or "default", series.name, {"series": last}, series.count)
        if not self._allowed(about, at):
            self.dropped += 1
            return None
        self._number += 1
        name = f"{about.name}.{self.instance}.{int(now * 1e6):x}{self._number:x}"[-253:].lstrip("-.")
        self._series[key] = _Series(name, 1, at, at)
        _bound(self._series)
        return Write(about.namespace or "default", name, self._document(said, name, now))

    def forget(self, name: str) -> None:
        """The Event of this name is gone (the API server keeps them for an hour): the next of its kind is a new one."""
        for key in [key for key, series in self._series.items() if series.name == name]:
            del self._series[key]

    def _allowed(self, about: Regarding, at: float) -> bool:
        name = f"{about.kind}/{about.namespace}/{about.name}"
        bucket = self._buckets.setdefault(name, _Bucket(BURST, at))
        self._buckets.move_to_end(name)
        _bound(self._buckets)
        bucket.tokens = min(BURST, bucket.tokens + (at - bucket.at) / REFILL)
        bucket.at = at
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _document(self, said: Said, name: str, now: float) -> Object:
        note = said.note.encode()[:NOTE].decode(errors="ignore")
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": said.regarding.namespace or "default"},
            "eventTime": self.stamp(now),
            "reportingController": CONTROLLER,
            "reportingInstance": self.instance[:128],
            "type": said.kind,
            "reason": said.reason[:128],
            "action": said.action[:128],
            "note": note,
            "regarding": said.regarding.document(),
        }


def _bound(found: OrderedDict[Any, Any]) -> None:
    while len(found) > MOST_OBJECTS:
        found.popitem(last=False)
