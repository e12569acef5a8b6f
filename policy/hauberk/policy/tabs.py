"""Tabs outside scalars and comments: libyaml and go-yaml read them, other parsers refuse the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from hauberk.policy.documents import Document, lines_of
from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.problems import Position, Problem

MAX_TABS = 100
_MESSAGE = "a tab as white space: kubectl reads it, but other YAML parsers refuse the whole file"


def tabs(text: str, documents: Iterable[Document], line: int, column: int) -> Iterator[Problem]:
    """One problem for each run of tabs, with its place; `line` and `column` are where the text starts in its file."""
    if text.lstrip()[:1] in "{[":
        return
    inside = _Spans(documents)
    told = 0
    for number, row in enumerate(lines_of(text), start=line):
        if "\t" not in row:
            continue
        comment = _comment(row, number, column, inside)
        position = row.find("\t")
        while 0 <= position < comment:
            end = position
            while end < len(row) and row[end] == "\t":
                end += 1
            if not inside.hold(number, position + column):
                told += 1
                if told > MAX_TABS:
                    return
                place = Position(number + 1, position + column + 1, number + 1, end + column + 1)
                yield Problem("yaml-tab", "", _MESSAGE, place, {"severity": "warning"})
            position = row.find("\t", end)


class _Spans:
    """Places of scalars in the order of the text: there may be as many as there are tabs."""

    def __init__(self, documents: Iterable[Document]) -> None:
        spans = sorted(set(_scalar_spans(documents)))
        self._starts = [(line, column) for line, column, _, _ in spans]
        self._ends = [(line, column) for _, _, line, column in spans]

    def hold(self, line: int, column: int) -> bool:
        number = bisect_right(self._starts, (line, column)) - 1
        return number >= 0 and (line, column) < self._ends[number]


def _scalar_spans(documents: Iterable[Document]) -> list[tuple[int, int, int, int]]:
    spans: list[tuple[int, int, int, int]] = []
    for document in documents:
        number = 0

        def visit(node: object, document: Document = document) -> None:
            nonlocal number
            number += 1
            if is_mapping(node):
                for child in node.values():
                    key = document.marks[number * 4 : number * 4 + 4]
                    spans.append((key[0], key[1], key[2], key[3]))
                    number += 1
                    visit(child)
            elif is_list(node):
                for child in node:
                    visit(child)
            else:
                value = document.marks[(number - 1) * 4 : number * 4]
                spans.append((value[0], value[1], value[2], value[3]))

        if document.base in ("", "/items/0"):
            visit(document.root)
    return spans


def _comment(row: str, line: int, column: int, inside: _Spans) -> int:
    """Column (in `row`) of the comment's `#`, or the length of the row."""
    position = row.find("#")
    while position >= 0:
        if (position == 0 or row[position - 1] in " \t") and not inside.hold(line, position + column):
            return position
        position = row.find("#", position + 1)
    return len(row)
