"""YAML code blocks of a Markdown text, each with the place where its first character stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\s]*)")
_LANGUAGES = frozenset(("yaml", "yml", "json"))


def blocks(text: str) -> Iterator[tuple[str, int, int]]:
    """Text of each fenced YAML block, its line and its indentation (from 0)."""
    rows = text.splitlines(keepends=True)
    number = 0
    while number < len(rows):
        opening = _FENCE.match(rows[number])
        number += 1
        if opening is None:
            continue
        start, indent, fence = number, len(opening["indent"]), opening["fence"]
        closing = re.compile(rf"^[ \t]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
        while number < len(rows) and not closing.match(rows[number].rstrip("\r\n")):
            number += 1
        if opening["info"].lower().strip("{}.") in _LANGUAGES:
            body = rows[start:number]
            indent = min([indent, *(len(row) - len(row.lstrip(" ")) for row in body if row.strip())])
            yield "".join(row[indent:] if row.strip() else row.lstrip(" ") for row in body), start, indent
        number += 1
