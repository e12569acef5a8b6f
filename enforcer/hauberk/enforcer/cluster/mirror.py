"""Objects of one node in the API, kept equal to what is wanted: listed once, then only what differs is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from hauberk.enforcer.cluster.api import Query
from hauberk.policy.loose import listing, mapping

Object = dict[str, Any]
Where = tuple[str, str]
"""Namespace, "" for none, and name."""


class Transport(Protocol):
    """What writes to an API server."""

    def get(self, path: str, query: Query | None = None) -> Object: ...

    def send(
        self, method: str, path: str, body: Mapping[str, Any], query: Query | None = None, *, kind: str = "json"
    ) -> Object: ...

    def delete(self, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Kinds:
    """`plurals` by kind, the namespaced one first; `own` finds the objects of a node; `parts` are what may differ."""

    api: str
    plurals: Mapping[str, str]
    own: Query
    parts: tuple[str, ...]
    has_status: bool = False

    def path(self, kind: str, where: Where) -> str:
        namespace, name = where
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.api}{inside}/{self.plurals[kind]}/{name}"


class Mirror:
    """`send` applies an object on the server's side, as `Transport.send` does with the field manager."""

    def __init__(self, api: Transport, kinds: Kinds, apply: Callable[[str, Object], object]) -> None:
        self._api, self._kinds, self._apply = api, kinds, apply
        self._found: dict[Where, Object] | None = None

    def found(self) -> dict[Where, Object]:
        """What is there, and what an earlier daemon of this node left. Raises ApiError, UnreachableError."""
        if self._found is None:
            self._found = dict(self._listed())
        return self._found

    def forget(self) -> None:
        """What is there may be something else now: it is listed again."""
        self._found = None

    def writes(self, wanted: Mapping[Where, Object]) -> Iterator[Callable[[], None]]:
        """One for each object that differs, or is not wanted any more."""
        found = self.found()
        for where, one in wanted.items():
            if any(found.get(where, {}).get(part) != one[part] for part in self._kinds.parts):
                yield partial(self._write, where, one)
        for where in [where for where in found if where not in wanted]:
            yield partial(self._delete, where)

    def _listed(self) -> Iterator[tuple[Where, Object]]:
        for kind, plural in self._kinds.plurals.items():
            for item in listing(self._api.get(f"/apis/{self._kinds.api}/{plural}", self._kinds.own).get("items")):
                one = dict(mapping(item)) | {"kind": kind}
                metadata = mapping(one.get("metadata"))
                yield (str(metadata.get("namespace") or ""), str(metadata["name"])), one

    def _write(self, where: Where, one: Object) -> None:
        path = self._kinds.path(one["kind"], where)
        if self._kinds.has_status:
            self._apply(path, {key: value for key, value in one.items() if key != "status"})
            self._apply(f"{path}/status", {key: value for key, value in one.items() if key != "spec"})
        else:
            self._apply(path, one)
        self.found()[where] = one

    def _delete(self, where: Where) -> None:
        found = self.found()
        self._api.delete(self._kinds.path(found[where]["kind"], where))
        del found[where]
