"""Tabs outside scalars and comments: libyaml and go-yaml read them, other parsers refuse the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hauberk.policy.positions import Document, ScalarPlaces, lines_of
from hauberk.policy.problems import Position, Problem

MAX_TABS = 100
_MESSAGE = "a tab as white space: kubectl reads it, but other YAML parsers refuse the whole file"


def tabs(text: str, documents: Iterable[Document], line: int, column: int) -> Iterator[Problem]:
    """One problem for each run of tabs, with its place; `line` and `column` are where the text starts in its file."""
    if text.lstrip()[:1] in "{[":
        return
    inside = ScalarPlaces(documents)
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


def _comment(row: str, line: int, column: int, inside: ScalarPlaces) -> int:
    """Column (in `row`) of the comment's `#`, or the length of the row."""
    position = row.find("#")
    while position >= 0:
        if (position == 0 or row[position - 1] in " \t") and not inside.hold(line, position + column):
            return position
        position = row.find("#", position + 1)
    return len(row)
