"""Fields of a policy in canonical order, moved as whole lines: a comment above or beside a field goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hauberk.policy.documents import Document, pointer_token
from hauberk.policy.loose import is_list, is_mapping

Rows = list[str]


def reordered(rows: Sequence[str], document: Document, schema: Mapping[str, Any]) -> Rows:
    """The rows of the whole text with the document's fields in the order of the schema's properties.

    Mappings in flow style, or with two fields on one line, stay as they are.
    """
    whole = list(rows)
    start = document.value_at("").line - 1
    end = document.value_at("").end_line
    whole[start:end] = _Mover(rows, document).node("", document.data, schema, start, end)
    return whole


class _Mover:
    def __init__(self, rows: Sequence[str], document: Document) -> None:
        self.rows = rows
        self.document = document

    def node(self, pointer: str, value: Any, schema: Mapping[str, Any], start: int, end: int) -> Rows:
        """The rows `start` to `end`, which hold this value and nothing else, with fields in order."""
        if is_mapping(value) and len(value) > 0:
            return self.mapping(pointer, value, schema, start, end)
        if is_list(value) and len(value) > 0:
            return self.sequence(pointer, value, schema, start, end)
        return list(self.rows[start:end])

    def mapping(self, pointer: str, value: dict[str, Any], schema: Mapping[str, Any], start: int, end: int) -> Rows:
        keys = list(value)
        places = [self.document.key_at(f"{pointer}/{pointer_token(key)}") for key in keys]
        lines = [place.line - 1 for place in places]
        column = places[0].column - 1
        if not self.in_block(lines, [place.column - 1 for place in places], start):
            return list(self.rows[start:end])
        dash = self.rows[lines[0]][:column]
        # what stands above the dash of a list entry is about the whole entry and stays there
        head_end = lines[0] if dash.strip() else start
        bounds = self.bounds(lines, head_end, end)
        properties: Mapping[str, Any] = schema.get("properties", {})
        blocks: dict[str, Rows] = {}
        for number, key in enumerate(keys):
            a, b = bounds[number], bounds[number + 1]
            head, body = list(self.rows[a : lines[number] + 1]), lines[number] + 1
            child = f"{pointer}/{pointer_token(key)}"
            inner = value[key]
            deeper = (is_mapping(inner) or is_list(inner)) and self.document.value_at(child).line - 1 > lines[number]
            below = self.node(child, inner, properties.get(key, {}), body, b) if deeper else list(self.rows[body:b])
            blocks[key] = head + below
        order = sorted(keys, key=lambda key: _rank(key, properties, keys))
        above = list(self.rows[start:head_end])
        if order == keys:
            return above + [row for key in keys for row in blocks[key]]
        # the dash of a list entry stands before its first field: it stays first while the fields move
        first = blocks[keys[0]]
        dash_at = lines[0] - bounds[0]
        if dash.strip():
            first[dash_at] = " " * column + first[dash_at][column:]
        moved = [row for key in order for row in blocks[key]]
        if dash.strip():
            at = next(
                number
                for number, row in enumerate(moved)
                if row[:column].isspace() and row[column:].strip()[:1] not in ("", "#")
            )
            moved[at] = dash + moved[at][column:]
        return above + moved

    def sequence(self, pointer: str, value: list[Any], schema: Mapping[str, Any], start: int, end: int) -> Rows:
        places = [self.document.value_at(f"{pointer}/{index}") for index in range(len(value))]
        lines = [place.line - 1 for place in places]
        dashed = all("-" in self.rows[line][: place.column - 1] for line, place in zip(lines, places, strict=True))
        if not dashed or sorted(set(lines)) != lines or lines[0] < start:
            return list(self.rows[start:end])
        bounds = self.bounds(lines, start, end)
        items: Mapping[str, Any] = schema.get("items", {})
        return [
            row
            for index, item in enumerate(value)
            for row in self.node(f"{pointer}/{index}", item, items, bounds[index], bounds[index + 1])
        ]

    def in_block(self, lines: Sequence[int], columns: Sequence[int], start: int) -> bool:
        if sorted(set(lines)) != list(lines) or lines[0] < start or len(set(columns)) != 1:
            return False
        return all(not self.rows[line][:column].strip(" -") for line, column in zip(lines, columns, strict=True))

    def bounds(self, lines: Sequence[int], start: int, end: int) -> list[int]:
        """Where each entry begins: with the comments and blank rows right above it. The first takes all before it."""
        found = [start]
        for line in lines[1:]:
            at = line
            while at - 1 > found[-1] and self.rows[at - 1].strip()[:1] in ("", "#"):
                at -= 1
            found.append(at)
        return [*found, end]


def _rank(key: str, properties: Mapping[str, Any], keys: Sequence[str]) -> tuple[int, int]:
    known = list(properties)
    return (known.index(key), 0) if key in properties else (len(known), keys.index(key))
