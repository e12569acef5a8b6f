"""What any stage reports about a document: a rule id, a place, a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class HauberkError(Exception):
    """Something the user can mend: says what, where and the next step. Anything else that is raised is a bug."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 2 for error."""
        return ("info", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True)
class Position:
    """Lines and columns count from 1; columns count characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A defect found before the rules run; `detail` holds what its rule needs to phrase it.

    `position` is given where the pointer alone cannot say the place (a duplicate key, a syntax error).
    """

    kind: str
    pointer: str
    message: str
    position: Position | None = None
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
