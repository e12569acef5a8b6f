"""A local copy of a list of objects: listed by pages, then watched.

The client's own informer is not used: measured, it asks 2,800 times a second when a watch closes at once, cannot watch
custom resources, and hangs on a connection that is half open.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from hauberk.enforcer.backoff import Backoff
from hauberk.enforcer.cluster.api import ApiError, Query, UnreachableError, decoded
from hauberk.policy.loose import listing, mapping

PAGE = 500
_WATCH = (300, 600)
"""Seconds after which the server is to end a watch: spread, so that the watches of all nodes do not end together."""
_SILENCE = 150.0
"""Seconds without a line: the server sends a bookmark about each minute, so a connection that is silent is dead."""
_SHORT = 1.0
_GONE = 410

Object = dict[str, Any]
Keep = Callable[[Mapping[str, Any]], Object]


class Transport(Protocol):
    """What a reflector needs of an API server."""

    def get(self, path: str, query: Query | None = None) -> Object: ...

    def lines(self, path: str, query: Query, silence: float) -> Iterator[bytes]: ...


class Reflector:
    """Objects of one path, by namespace and name; `changed` is called after each change, from the watching thread.

    `keep` takes what is needed of an object, so that the rest of it is not kept.
    """

    def __init__(
        self,
        api: Transport,
        path: str,
        keep: Keep,
        changed: Callable[[], None],
        selector: Mapping[str, str] | None = None,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._path, self._keep, self._changed = api, path, keep, changed
        self._selector = dict(selector or {})
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._objects: dict[tuple[str, str], Object] = {}
        self._version = ""
        self._ends = threading.Event()
        self._heard = clock()
        self.synced = False
        self.error = ""
        """Why there is no contact now, "" when there is."""

    def start(self) -> None:
        threading.Thread(target=self.run, name=f"watch {self._path}", daemon=True).start()

    def end(self) -> None:
        self._ends.set()

    def objects(self) -> tuple[Object, ...]:
        return tuple(self._objects.values())

    def find(self, namespace: str, name: str) -> Object | None:
        return self._objects.get((namespace, name))

    def staleness(self) -> float:
        """Seconds since the server was last heard."""
        return self._clock() - self._heard

    def run(self) -> None:
        """Until `end`."""
        while not self._ends.is_set():
            begun = self._clock()
            told = False
            try:
                if not self._version:
                    self._list()
                for line in self._watch():
                    self._take(line)
                    told = True
                    if self._ends.is_set():
                        return
            except _ExpiredError:
                # what was missed is not known: list again
                self._version = ""
            except (ApiError, UnreachableError) as error:
                if isinstance(error, ApiError) and error.status == _GONE:
                    self._version = ""
                self.error = str(error)
            except Exception as error:  # noqa: BLE001  a thread that ends would be missed by nobody
                self.error = f"{self._path}: {type(error).__name__}: {error}"
            else:
                told = told or self._clock() - begun >= _SHORT
            if told:
                # a watch that was at work: what cut it may be a proxy that does so now and then
                self._backoff.reset()
                if not self.error and self._version:
                    continue
            # a watch that ends at once would else be asked for again and again
            self._ends.wait(self._backoff.next())

    def _list(self) -> None:
        found: dict[tuple[str, str], Object] = {}
        token = version = ""
        while True:
            more = {"continue": token} if token else {}
            page = self._api.get(self._path, {"limit": PAGE, **self._selector, **more})
            for item in listing(page.get("items")):
                one = mapping(item)
                found[_key(one)] = self._keep(one)
            metadata = mapping(page.get("metadata"))
            version = str(metadata.get("resourceVersion") or "")
            token = str(metadata.get("continue") or "")
            if not token:
                break
        different = found != self._objects or not self.synced
        self._objects, self._version, self.synced = found, version, True
        self._contact()
        if different:
            self._changed()

    def _watch(self) -> Iterator[bytes]:
        query: dict[str, str | int] = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": random.randint(*_WATCH),  # noqa: S311  no secret
            **self._selector,
        }
        yield from self._api.lines(self._path, query, _SILENCE)

    def _take(self, line: bytes) -> None:
        try:
            event = mapping(decoded(line))
        except ValueError:
            raise UnreachableError(f"{self._path}: a line that is no JSON") from None
        one = mapping(event.get("object"))
        kind = event.get("type")
        if kind == "ERROR":
            if one.get("code") == _GONE:
                raise _ExpiredError
            raise UnreachableError(f"{self._path}: {one.get('message')}")
        self._contact()
        self._version = str(mapping(one.get("metadata")).get("resourceVersion") or self._version)
        if kind == "BOOKMARK":
            return
        objects = dict(self._objects)
        if kind == "DELETED":
            objects.pop(_key(one), None)
        else:
            objects[_key(one)] = self._keep(one)
        # replaced as a whole: who reads it in another thread sees it before or after
        different = objects != self._objects
        self._objects = objects
        if different:
            self._changed()

    def _contact(self) -> None:
        self._heard = self._clock()
        self.error = ""


class _ExpiredError(Exception):
    """The version to watch from is too old."""


def _key(one: Mapping[str, Any]) -> tuple[str, str]:
    metadata = mapping(one.get("metadata"))
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
