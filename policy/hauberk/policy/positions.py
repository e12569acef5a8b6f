"""Documents that know where each key and value stands, and the lines they stand on."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.problems import Position, Problem


@dataclass(slots=True)
class Document:
    """One YAML document, or one item of a `kind: List`.

    `data` is what kubectl would send. `marks` holds line, column, end line, end column (all from 0) of each node of the
    whole YAML document in pre-order, a key before its value. `base` is the pointer of `data` in it.
    """

    data: Any
    root: Any
    marks: array[int]
    base: str = ""
    problems: tuple[Problem, ...] = ()
    _index: dict[str, int] | None = field(default=None, repr=False, compare=False)

    def value_at(self, pointer: str) -> Position:
        """Place of the value, or of the nearest parent that exists (a missing field has no place)."""
        return self._position(self._find(pointer)[0])

    def key_at(self, pointer: str) -> Position:
        """Place of the mapping key that holds the value; of the value itself where there is none."""
        value, key = self._find(pointer)
        return self._position(value if key is None else key)

    def place(self, pointer: str) -> Position:
        """What a reader should look at: a scalar itself, the key of a mapping or list."""
        value, key = self._find(pointer)
        return self._position(key if key is not None and self._spans_lines(value) else value)

    def _spans_lines(self, number: int) -> bool:
        return self.marks[number * 4] != self.marks[number * 4 + 2]

    def siblings(self, pointer: str) -> tuple[Position | None, Position | None, int]:
        """Of the entry at `pointer`: key (None in a list), the next entry's start, and how many entries there are."""
        parent_pointer, _, last = pointer.rpartition("/")
        parent = self.data
        for token in split_pointer(parent_pointer):
            parent = parent[int(token)] if is_list(parent) else parent[token]
        keys = list(parent) if is_mapping(parent) else [str(index) for index in range(len(parent))]
        token = split_pointer("/" + last)[0]
        following = keys[keys.index(token) + 1 :]
        after = self.key_at(f"{parent_pointer}/{pointer_token(following[0])}") if following else None
        return self.key_at(pointer) if is_mapping(parent) else None, after, len(keys)

    def _position(self, number: int) -> Position:
        line, column, end_line, end_column = self.marks[number * 4 : number * 4 + 4]
        return Position(line + 1, column + 1, end_line + 1, end_column + 1)

    def _find(self, pointer: str) -> tuple[int, int | None]:
        index = self.index()
        wanted = self.base + pointer
        while wanted not in index:
            wanted = wanted.rpartition("/")[0]
        number = index[wanted]
        return (number, None) if number >= 0 else (-number, -number - 1)

    def index(self) -> dict[str, int]:
        """Number of each value in `marks` by its pointer from the root, negative where a key stands before it."""
        if self._index is None:
            self._index = {}
            self._number("", self.root, 0, self._index, key=False)
        return self._index

    def _number(self, pointer: str, node: Any, number: int, index: dict[str, int], *, key: bool) -> int:
        index[pointer] = -number if key else number
        number += 1
        if is_mapping(node):
            for name, child in node.items():
                at = f"{pointer}/{name}" if "/" not in name and "~" not in name else f"{pointer}/{pointer_token(name)}"
                number = self._number(at, child, number + 1, index, key=True)
        elif is_list(node):
            for place, child in enumerate(node):
                number = self._number(f"{pointer}/{place}", child, number, index, key=False)
        return number


@dataclass(slots=True)
class Parsed:
    """What one text gave. `skipped` says why it was not read at all, "" when it was."""

    documents: list[Document] = field(default_factory=list[Document])
    problems: list[Problem] = field(default_factory=list[Problem])
    skipped: str = ""


def split_pointer(pointer: str) -> list[str]:
    """Tokens of an RFC 6901 pointer."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def pointer_token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """The lines as positions count them."""
    return _BREAK.split(text)


def line_start(text: str, start: int, lines: int) -> int:
    """Where the line that is `lines` below the one at `start` begins."""
    for _ in range(lines):
        found = _BREAK.search(text, start)
        if found is None:
            return len(text)
        start = found.end()
    return start


class ScalarPlaces:
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
