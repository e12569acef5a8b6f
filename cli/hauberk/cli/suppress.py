"""Comments that silence a rule: `# hauberk: ignore[HB304] reason: ...` on the line or above it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hauberk.policy.positions import Document, ScalarPlaces, lines_of
from hauberk.policy.problems import Position

_COMMENT = re.compile(r"#\s*hauberk:\s*ignore\[(?P<ids>[^\]]*)\](?:\s*reason:\s*(?P<reason>.*?))?\s*$")


@dataclass(slots=True)
class Suppression:
    """`line` is the one it silences (from 1); `used` collects the ids that it did silence."""

    ids: tuple[str, ...]
    reason: str
    line: int
    position: Position
    used: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The suppressions of one source; `whole`: all of it could be read."""

    path: str
    whole: bool
    suppressions: list[Suppression]


def suppressions(text: str, documents: Iterable[Document] = ()) -> list[Suppression]:
    """All of a text; a comment on a line of its own is for the next line that is none. A scalar holds no comment."""
    if "hauberk:" not in text:
        return []
    rows = lines_of(text)
    scalars = ScalarPlaces(documents)
    found: list[Suppression] = []
    following = len(rows)
    for number in range(len(rows), 0, -1):
        row = rows[number - 1]
        match = _COMMENT.search(row)
        if match is not None and not scalars.hold(number - 1, match.start()):
            alone = not row[: match.start()].strip()
            position = Position(number, match.start() + 1, number, len(row.rstrip()) + 1)
            ids = tuple(dict.fromkeys(rule_id(part) for part in match["ids"].split(",") if part.strip()))
            target = following if alone else number
            found.append(Suppression(ids, (match["reason"] or "").strip(), target, position))
        if row.strip() and not row.lstrip().startswith("#"):
            following = number
    return found[::-1]


def rule_id(text: str) -> str:
    """An id as it is compared: ours in capitals, users' as they write them."""
    text = text.strip()
    return text.upper() if text[:2].lower() == "hb" else text
