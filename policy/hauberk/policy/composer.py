"""libyaml's events -> documents: strict where kubectl is lax (a duplicate key), bounded, as the text is untrusted."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from hauberk.policy.loose import is_list, is_mapping
from hauberk.policy.positions import Document, Parsed, lines_of
from hauberk.policy.problems import HauberkError, Position, Problem
from hauberk.policy.scalars import TAGS, key_text, resolve

MAX_DOCUMENT = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000

_parser: Any = getattr(yaml.cyaml, "CParser", None)

if _parser is None:
    raise HauberkError(
        "PyYAML was installed without libyaml, whose reading of tabs and comments kubectl shares; "
        "reinstall it with `pip install --force-reinstall PyYAML` (the wheels of PyPI have it)"
    )


class _StopError(Exception):
    """The text cannot be read further."""

    def __init__(self, kind: str, message: str, mark: Any) -> None:
        super().__init__(message)
        self.kind, self.mark = kind, mark


# JSON writes a character beyond U+FFFF as two escapes, which libyaml refuses; kubectl has another reader for JSON.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


def _character(found: re.Match[str]) -> str:
    code = 0x10000 + ((int(found[2], 16) & 0x3FF) << 10) + (int(found[3], 16) & 0x3FF)
    return f"{found[1]}\\U{code:08x}"


def _plain(event: Any) -> bool:
    """Whether the scalar is not quoted: a quoted `<<` is a field like any other."""
    return isinstance(event, yaml.ScalarEvent) and bool(event.implicit[0])


@dataclass(slots=True)
class Composer:
    line: int
    column: int
    parsed: Parsed
    events: Iterator[Any] = field(init=False)
    marks: array[int] = field(init=False)
    anchors: dict[str, tuple[Any, int]] = field(init=False)
    expanded: int = field(init=False)
    end: tuple[int, int] | None = field(init=False)
    problems: list[Problem] = field(init=False)
    text: str = field(init=False)

    def run(self, text: str) -> int | None:
        """Reads all documents; the line (from 0) from which on to look for a next one after an error, or None."""
        self.end = None
        if text and text[-1] not in "\n\r\x85\u2028\u2029":
            rows = lines_of(text)
            self.end = len(rows) - 1 + self.line, len(rows[-1]) + self.column
        if "\\u" in text and text.lstrip()[:1] in "{[":
            text = _PAIR.sub(_character, text)
        self.text = text
        try:
            parser: Any = _parser(text)
            self.events = iter(parser.get_event, None)
            for event in self.events:
                if isinstance(event, yaml.DocumentStartEvent):
                    self.document(event)
        except _StopError as stop:
            return self.fail(stop.kind, str(stop), stop.mark, text)
        except yaml.reader.ReaderError as error:
            # the position counts bytes
            before = text.encode()[: error.position].decode(errors="ignore")
            rows = lines_of(before)
            at = yaml.Mark("", len(before), len(rows) - 1, len(rows[-1]), None, 0)
            message = f"character #x{ord(text[len(before)]):04x} is not allowed in YAML"
            return self.fail("yaml-encoding", message, at, text)
        except yaml.MarkedYAMLError as error:
            words = [part for part in (error.context, error.problem) if part]
            mark: Any = error.problem_mark or error.context_mark
            # libyaml 0.2.6 has a bound of its own, which its scanner meets before the composer meets ours
            deep = error.problem is not None and "maximum nesting depth" in error.problem
            message = f"nested deeper than {MAX_DEPTH} levels" if deep else ", ".join(words)
            after = self.fail("yaml-depth" if deep else "yaml-syntax", message, mark, text)
            # an error at the beginning of a line may be the next document's `---` that came too early
            return after - 1 if mark.column == 0 and after > 1 else after
        return None

    def fail(self, kind: str, message: str, mark: Any, text: str) -> int:
        rows = lines_of(text)
        if mark.line >= len(rows):  # see `clamp`
            mark = yaml.Mark("", len(text), len(rows) - 1, len(rows[-1]), None, 0)
        place = self.place(mark, mark)
        self.parsed.problems.append(Problem(kind, "", message, place))
        return int(mark.line) + 1

    def place(self, start: Any, end: Any) -> Position:
        first, last = start.column + self.column, end.column + self.column
        if (start.line, first) == (end.line, last):
            last += 1
        return Position(start.line + self.line + 1, first + 1, end.line + self.line + 1, last + 1)

    def document(self, start: Any) -> None:
        self.marks, self.anchors, self.expanded, self.problems = array("I"), {}, 0, []
        data = self.node(next(self.events), 0)
        end = next(self.events)
        if self.end is not None:
            self.clamp(*self.end)
        if end.end_mark.index - start.start_mark.index > MAX_DOCUMENT:
            raise _StopError(
                "yaml-size", "the document is over 1 MiB, more than the API server stores", start.start_mark
            )
        if data is None:
            return
        whole = Document(data, data, self.marks, problems=tuple(self.problems))
        if is_mapping(data) and data.get("kind") == "List" and is_list(items := data.get("items")):
            self.parsed.problems.extend(self.problems)
            self.parsed.documents.extend(
                Document(item, data, self.marks, f"/items/{number}") for number, item in enumerate(items)
            )
        else:
            self.parsed.documents.append(whole)

    def node(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event)
            self.mark(event.start_mark, event.end_mark)
            if event.anchor:
                self.anchors[event.anchor] = (value, 1)
            return value
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth >= MAX_DEPTH:
            raise _StopError("yaml-depth", f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        number = len(self.marks)
        self.mark(event.start_mark, event.end_mark)
        if event.tag and not event.implicit:
            self.check_tag(event)
        if event.anchor:
            self.anchors.pop(event.anchor, None)
        if isinstance(event, yaml.MappingStartEvent):
            value, last, end = self.mapping(event, depth)
        else:
            value, last, end = self.sequence(depth)
        if event.flow_style or last is None:
            last = end.line + self.line, end.column + self.column
        # the end event of a block collection stands where the next token starts: the last child's end is meant
        self.marks[number + 2], self.marks[number + 3] = last
        if event.anchor:
            self.anchors[event.anchor] = (value, (len(self.marks) - number) // 4)
        return value

    def mark(self, start: Any, end: Any) -> None:
        if len(self.marks) >= MAX_NODES * 4:
            raise _StopError("yaml-alias", f"more than {MAX_NODES} values after aliases are expanded", start)
        line, column = self.line, self.column
        self.marks.extend((start.line + line, start.column + column, end.line + line, end.column + column))

    def clamp(self, line: int, column: int) -> None:
        """Puts what libyaml places on a line below the last one, where the text has none, at the end of the text."""
        for at in range(0, len(self.marks), 2):
            if self.marks[at] > line:
                self.marks[at], self.marks[at + 1] = line, column

    def scalar(self, event: Any) -> Any:
        if event.implicit[0]:
            return resolve(event.value)
        if event.tag and not event.implicit[1]:
            match self.check_tag(event):
                case "str" | None:
                    return event.value
                case _:
                    return resolve(event.value)
        return event.value

    def check_tag(self, event: Any) -> str | None:
        name = TAGS.get(event.tag)
        if name is None:
            message = f"unknown tag {event.tag}: kubectl drops it or refuses the file"
            self.problems.append(Problem("yaml-tag", "", message, self.place(event.start_mark, event.end_mark)))
        return name

    def alias(self, event: Any) -> Any:
        if event.anchor not in self.anchors:
            raise _StopError("yaml-alias", f"alias *{event.anchor} has no complete anchor before it", event.start_mark)
        value, size = self.anchors[event.anchor]
        # what merge keys expand is counted although it leaves no marks
        self.expanded += size
        if self.expanded > MAX_NODES:
            raise _StopError("yaml-alias", f"more than {MAX_NODES} values after aliases are expanded", event.start_mark)
        for _ in range(size):
            self.mark(event.start_mark, event.end_mark)
        return value

    def end_of(self, number: int) -> tuple[int, int]:
        return self.marks[number + 2], self.marks[number + 3]

    def sequence(self, depth: int) -> tuple[list[Any], tuple[int, int] | None, Any]:
        """The values, where the last of them ends, and where the end event does."""
        values: list[Any] = []
        last = None
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            number = len(self.marks)
            values.append(self.node(event, depth + 1))
            last = self.end_of(number)
        return values, last, event.end_mark

    def mapping(self, start: Any, depth: int) -> tuple[dict[str, Any], tuple[int, int] | None, Any]:
        """As `sequence`."""
        begin, last = len(self.marks), None
        values: dict[str, Any] = {}
        spans: dict[str, tuple[int, int]] = {}
        first: dict[str, int] = {}
        empty: list[tuple[int, str]] = []
        lost = False
        merged: list[dict[str, Any]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            number = len(self.marks)
            key = self.node(event, depth + 1)
            if isinstance(key, dict | list):
                raise _StopError(
                    "yaml-syntax",
                    "a mapping key must be a plain word, not a list or mapping",
                    event.start_mark,
                )
            name = key_text(key, getattr(event, "value", str(key)))
            child = len(self.marks)
            given = next(self.events)
            value = self.node(given, depth + 1)
            last = self.end_of(child)
            if name == "<<" and _plain(event) and (is_mapping(value) or is_list(value)):
                merged.extend(part for part in (value if is_list(value) else [value]) if is_mapping(part))
                self.merge_problem(event)
                del self.marks[number:]
                continue
            if name in values:
                same = _equal_scalars(values[name], value)
                between = self.without_value(empty, spans[name][0])
                before = self.marks[spans[name][0]] + 1
                lines = (first.setdefault(name, before), before)
                alone = not start.flow_style and value is not None and self.takes_its_line(event, given)
                self.duplicate(name, event, lines, between, same=same, alone=alone)
                # positions follow the order of `data`, where the last of the two stands
                del spans[name], values[name]
                lost = True
            values[name] = value
            spans[name] = (number, len(self.marks))
            if value is None:
                empty.append((number, name))
        if lost:
            kept = array("I")
            for left, right in sorted(spans.values()):
                kept += self.marks[left:right]
            self.marks[begin:] = kept
        for part in merged:
            for name, value in part.items():
                if name not in values:
                    values[name] = value
                    for _ in range(1 + _size(value)):
                        self.mark(start.start_mark, start.end_mark)
        return values, last, event.end_mark

    def merge_problem(self, event: Any) -> None:
        message = "merge key <<: kubectl merges it, other tools keep a field named <<"
        place = self.place(event.start_mark, event.end_mark)
        self.problems.append(Problem("yaml-merge", "", message, place, {"severity": "warning"}))

    def without_value(self, empty: list[tuple[int, str]], after: int) -> str | None:
        """The first key behind the mark `after` that has no value: what stands below it is indented too little."""
        number = bisect_right(empty, after, key=lambda one: one[0])
        return f"{empty[number][1]} (line {self.marks[empty[number][0]] + 1})" if number < len(empty) else None

    def takes_its_line(self, key: Any, value: Any) -> bool:
        """Whether nothing else stands in the line of key and value, nor a comment above that may be about them."""
        if (
            not (isinstance(key, yaml.ScalarEvent) and isinstance(value, yaml.ScalarEvent))
            or key.anchor
            or value.anchor
        ):
            return False
        begin: Any = key.start_mark
        end: Any = value.end_mark
        if begin.line != end.line:
            return False
        start = begin.index - begin.column
        above = self.text[self.text.rfind("\n", 0, max(start - 1, 0)) + 1 : start]
        return (
            not self.text[start : begin.index].strip(" ")
            and _REST_IS_BLANK.match(self.text, end.index) is not None
            and not above.lstrip().startswith("#")
        )

    def duplicate(
        self, name: str, event: Any, lines: tuple[int, int], between: str | None, *, same: bool, alone: bool
    ) -> None:
        """`keyword` is `same` for two equal scalars, `same-line` where the second of them can go with its line.

        `lines` has the first line that gives the key, and the last before this one.
        """
        place = self.place(event.start_mark, event.end_mark)
        if same and between is None:
            message = f"{name} is given again with the same value, first in line {lines[0]}"
            keyword, severity = "same-line" if alone else "same", "warning"
        else:
            message = f"{name} is given again: the value of line {lines[1]} is lost"
            keyword, severity = "other", "error"
        detail = {"name": name, "keyword": keyword, "nearest": between, "severity": severity}
        self.problems.append(Problem("duplicate-key", "", message, place, detail))


_REST_IS_BLANK = re.compile("[ \t]*(?:[\n\r\x85\u2028\u2029]|\\Z)")


def _equal_scalars(one: Any, other: Any) -> bool:
    return type(one) is type(other) and not is_mapping(one) and not is_list(one) and bool(one == other)


def _size(node: Any) -> int:
    if is_mapping(node):
        return 1 + len(node) + sum(map(_size, node.values()))
    if is_list(node):
        return 1 + sum(map(_size, node))
    return 1
