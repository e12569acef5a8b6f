"""YAML text -> documents that know where each key and value stands.

Built on libyaml's events: the parser family of kubectl, and three times faster than a tree with comments.
"""

from __future__ import annotations

import re

from hauberk.policy.composer import MAX_DEPTH, MAX_DOCUMENT, MAX_NODES, Composer
from hauberk.policy.positions import Document, Parsed, line_start, lines_of, pointer_token, split_pointer
from hauberk.policy.problems import Position, Problem

__all__ = [
    "MAX_BROKEN",
    "MAX_DEPTH",
    "MAX_DOCUMENT",
    "MAX_NODES",
    "Document",
    "Parsed",
    "decode",
    "lines_of",
    "pointer_token",
    "read",
    "split_pointer",
]

MAX_BROKEN = 100
"""Documents with a syntax error in one text, after which the rest is not looked at."""


def decode(data: bytes) -> str | Problem:
    """The text, or the problem that it is not UTF-8 (the only encoding every tool on the way to the cluster reads)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        data = error.object  # without the byte order mark
        rows = lines_of(data[: error.start].decode("utf-8"))
        line, column = len(rows), len(rows[-1]) + 1
        place = Position(line, column, line, column + 1)
        return Problem("yaml-encoding", "", f"not UTF-8: byte 0x{data[error.start]:02x} cannot stand here", place)


_TEMPLATE = re.compile(
    r"\{\{-?\s*(?:[.$/(\"]|(?:if|else|range|end|include|with|template|define|block|to\w+|default|quote|tpl)\b)"
)


def read(text: str, *, line: int = 0, column: int = 0) -> Parsed:
    """All documents of a text that starts at `line`, `column` (from 0) of its file.

    After a syntax error reading goes on at the next `---`.
    """
    parsed = Parsed()
    if "{{" in text and (found := _TEMPLATE.search(text)) and not _only_in_comments(text):
        number = text.count("\n", 0, found.start()) + 1 + line
        parsed.skipped = (
            f"a template (line {number} has {{{{), not YAML: "
            "lint what it renders to, e.g. `helm template . | hauberk lint -`"
        )
        return parsed
    start, first_line, broken = 0, line, 0
    while True:
        reader = Composer(line, column, parsed)
        go_on = reader.run(text[start:] if start else text)
        if go_on is None:
            break
        # an error below one document must not hide the next documents
        following = _NEXT.search(text, line_start(text, start, go_on))
        if following is None:
            break
        line += len(lines_of(text[start : following.start()])) - 1
        start = following.start()
        broken += 1
        if broken == MAX_BROKEN:
            message = f"{MAX_BROKEN} documents before this one are broken: the rest of the text is not read"
            place = Position(line + 1, column + 1, line + 1, column + 4)
            parsed.problems.append(Problem("yaml-syntax", "", message, place))
            break
    if "\t" in text:
        from hauberk.policy.tabs import tabs  # few files have one

        parsed.problems.extend(tabs(text, parsed.documents, first_line, column))
    return parsed


def _only_in_comments(text: str) -> bool:
    return all("{{" not in row.split("#", 1)[0] for row in lines_of(text))


_NEXT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
# Line breaks of YAML 1.1, as libyaml counts them.
