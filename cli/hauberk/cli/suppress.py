"""Comments that silence a rule: `# hauberk: ignore[HB304] reason: ...` on the line or above it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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


def suppressions(text: str) -> list[Suppression]:
    """All of a text; a comment on a line of its own is for the next line that is none."""
    if "hauberk:" not in text:
        return []
    rows = text.splitlines()
    found: list[Suppression] = []
    for number, row in enumerate(rows, start=1):
        match = _COMMENT.search(row)
        if match is None:
            continue
        target = number
        if not row[: match.start()].strip():
            target = next((n for n in range(number + 1, len(rows) + 1) if _says(rows[n - 1])), number)
        ids = tuple(dict.fromkeys(part.strip().upper() for part in match["ids"].split(",") if part.strip()))
        position = Position(number, match.start() + 1, number, len(row.rstrip()) + 1)
        found.append(Suppression(ids, (match["reason"] or "").strip(), target, position))
    return found


def _says(row: str) -> bool:
    text = row.strip()
    return bool(text) and not text.startswith("#")
