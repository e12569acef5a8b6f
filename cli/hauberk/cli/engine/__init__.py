"""Rego engines behind one interface: facts documents in, what the rules say about each of them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Violation = dict[str, Any]

ENTRY_POINT = "hauberk/violations"


@dataclass(frozen=True, slots=True)
class Failure:
    """An evaluation that gave no answer (a trap, a limit, an engine that died): never to be read as "clean"."""

    reason: str


class Engine(Protocol):
    """Evaluates `hauberk/violations`. Documents are independent of each other, answers come in their order."""

    def evaluate(self, documents: Iterable[bytes]) -> Iterator[list[Violation] | Failure]:
        """One answer for each document (UTF-8 JSON)."""
        ...
