"""What a rule wants changed -> edits of the text that touch the node's own place and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from hauberk.cli.finding import Finding, Fix
from hauberk.policy.documents import Document, pointer_token
from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.problems import Position
from hauberk.policy.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.+@-]*\Z")

Edit = tuple[Position, str]


class _RefusedError(Exception):
    """The text around the node has a form that cannot be edited without touching more than the node."""


def build(fix: dict[str, Any], document: Document | None, rows: Sequence[str]) -> Fix | None:
    """The fix as text edits; None when one of its edits cannot be made safely."""
    try:
        edits = [_edit(edit, document, rows) for edit in fix["edits"]]
    except (_RefusedError, KeyError, IndexError, ValueError):
        return None
    return Fix(fix["safety"], tuple(edits))


def _edit(edit: dict[str, Any], document: Document | None, rows: Sequence[str]) -> Edit:
    if edit["op"] == "text":
        place = edit["position"]
        at = Position(*(int(place[name]) for name in ("line", "column", "endLine", "endColumn")))
        return at, str(edit["text"])
    if document is None:
        raise _RefusedError
    pointer: str = edit["pointer"]
    match edit["op"]:
        case "replace":
            place = document.value_at(pointer)
            return place, _scalar(edit["value"], _text(rows, place))
        case "rename":
            place = document.key_at(pointer)
            return place, _scalar(edit["key"], _text(rows, place))
        case "remove":
            return _remove(document, pointer, rows), ""
        case "add":
            return _add(document, pointer, edit["key"], edit["value"], rows)
        case other:
            raise ValueError(other)


def _text(rows: Sequence[str], place: Position) -> str:
    if place.line != place.end_line:
        raise _RefusedError
    return rows[place.line - 1][place.column - 1 : place.end_column - 1]


def _scalar(value: Any, old: str) -> str:
    """The value as YAML, quoted as the old text was."""
    if not isinstance(value, str):
        return json.dumps(value)
    if old[:1] == '"' or any(ord(char) < 32 for char in value):
        return json.dumps(value, ensure_ascii=False)
    if old[:1] == "'" or not _PLAIN.match(value) or resolve(value) != value:
        return "'" + value.replace("'", "''") + "'"
    return value


def _remove(document: Document, pointer: str, rows: Sequence[str]) -> Position:
    key, following, count = document.siblings(pointer)
    if count < 2:
        raise _RefusedError
    value = document.value_at(pointer)
    start = key or value
    row = rows[start.line - 1]
    before = row[: start.column - 1]
    lead = before if key is not None else before.rstrip().removesuffix("-")
    end_row = rows[value.end_line - 1]
    rest = end_row[value.end_column - 1 :].strip()
    if not lead.strip() and (not rest or rest.startswith("#")):
        return Position(start.line, 1, value.end_line + 1, 1)
    if following is None or key is None:
        raise _RefusedError
    between = rows[start.line - 1 : following.line]
    if any("#" in part for part in between[:-1]) or "#" in between[-1][: following.column - 1]:
        raise _RefusedError
    return Position(key.line, key.column, following.line, following.column)


def _add(document: Document, pointer: str, key: str, value: Any, rows: Sequence[str]) -> Edit:
    mapping: Any = document.data
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
        mapping = mapping[int(token)] if is_list(mapping) else mapping[token]
    if not is_mapping(mapping) or not mapping:
        raise _RefusedError
    first = document.key_at(f"{pointer}/{pointer_token(next(iter(mapping)))}")
    before = rows[first.line - 1][: first.column - 1]
    flow = "{" in before
    if not flow and before.strip(" -"):
        raise _RefusedError
    text = f"{key}: {_scalar(value, '')}" + (", " if flow else "\n" + " " * (first.column - 1))
    return Position(first.line, first.column, first.line, first.column), text


def apply(text: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """The text with as many fixes as do not touch the same place, and how many they were."""
    offsets = [0]
    for row in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(row))
    taken: list[tuple[int, int, str]] = []
    applied = 0
    for fix in fixes:
        spans = [
            (_offset(offsets, p.line, p.column), _offset(offsets, p.end_line, p.end_column), new)
            for p, new in fix.edits
        ]
        if any((a < d and c < b) or (a, b) == (c, d) for a, b, _ in spans for c, d, _ in taken):
            continue
        taken.extend(spans)
        applied += 1
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text, applied


def _offset(offsets: list[int], line: int, column: int) -> int:
    if line > len(offsets) - 1:
        return offsets[-1]
    return min(offsets[line - 1] + column - 1, offsets[line])


def wanted(findings: Iterable[Finding], *, unsafe: bool) -> list[Fix]:
    return [f.fix for f in findings if f.fix is not None and (unsafe or f.fix.safety == "safe")]
