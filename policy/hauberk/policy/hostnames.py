r"""Regular expressions of `hostnamereg` in node selectors, matched without backtracking (see `patterns`).

Known: characters, `.`, `\d \w \s` and their opposites, sets, groups, `|`, `* + ?`, `{m,n}` after one
character, `^` at the beginning, `$`. Anything else is malformed and matches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from hauberk.policy.patterns import ANY, LAST, Builder, Ranges, Recognizer, complement, merge

# Stands behind the host name, so that `$` is a character like any other.
_END = chr(LAST)
_MOST_REPEATS = 256
_REPEAT = re.compile(r"\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}")


def _but_end(ranges: Ranges) -> Ranges:
    return complement(merge([*complement(ranges), (LAST, LAST)]))


_DIGITS: Ranges = ((48, 57),)
_WORDS = merge([(48, 57), (65, 90), (95, 95), (97, 122)])
_BLANKS = merge([(9, 10), (12, 13), (32, 32)])
_CLASSES = {
    "d": _DIGITS,
    "D": _but_end(complement(_DIGITS)),
    "w": _WORDS,
    "W": _but_end(complement(_WORDS)),
    "s": _BLANKS,
    "S": _but_end(complement(_BLANKS)),
}
_DOT = _but_end(complement(((10, 10),)))


class _MalformedError(Exception):
    """The expression is not one we know."""


def matches_beginning(expression: str, hostname: str) -> bool:
    """Whether the beginning of the name matches after each `*` became `.*`; what is malformed never does."""
    found = _compiled(expression.replace("*", ".*"))
    return found is not None and _END not in hostname and found.accepts(hostname + _END)


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Recognizer | None:
    try:
        return Recognizer(_Reader(expression.removeprefix("^")).read().finish())
    except _MalformedError:
        return None


@dataclass(slots=True)
class _Group:
    start: int
    ends: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class _Reader:
    """Reads from left to right; `atom` is where the last repeatable thing starts, `last` its characters."""

    text: str
    at: int = 0
    build: Builder = field(default_factory=Builder)
    groups: list[_Group] = field(default_factory=list[_Group])
    atom: int | None = None
    last: Ranges | None = None

    def read(self) -> Builder:
        self.open()
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            self.take(char)
        self.close()
        if self.groups:
            raise _MalformedError
        self.build.run(ANY)
        return self.build

    def take(self, char: str) -> None:
        match char:
            case "(":
                if self.text.startswith("?:", self.at):
                    self.at += 2
                self.open()
            case ")":
                self.close()
                if not self.groups:
                    raise _MalformedError
            case "|":
                group = self.groups[-1]
                group.ends.append(self.build.here)
                self.enter(group.start)
            case "*" | "+" | "?" | "{":
                self.repeat(char)
            case ".":
                self.one(_DOT)
            case "$":
                while self.text.startswith("$", self.at):
                    self.at += 1
                self.one(((LAST, LAST),))
            case "[":
                self.one(self.set())
            case "\\":
                self.one(self.escape())
            case "^" | "]" | "}":
                raise _MalformedError
            case _:
                self.one(((ord(char), ord(char)),))

    def enter(self, start: int) -> None:
        self.build.here = self.build.state()
        self.build.jump(start, self.build.here)
        self.atom = None

    def open(self) -> None:
        start = self.build.state()
        self.build.jump(self.build.here, start)
        self.groups.append(_Group(start))
        self.enter(start)

    def close(self) -> None:
        group = self.groups.pop()
        end = self.build.state()
        for state in (*group.ends, self.build.here):
            self.build.jump(state, end)
        self.build.here = end
        self.atom, self.last = group.start, None

    def one(self, ranges: Ranges) -> None:
        self.enter(self.build.here)
        self.atom, self.last = self.build.here, ranges
        self.build.one(ranges)

    def repeat(self, char: str) -> None:
        if self.atom is None:
            raise _MalformedError
        if char == "{":
            self.times(self.atom)
        else:
            self.loop(self.atom, least=0 if char in "*?" else 1, again=char in "*+")
        # A lazy repetition accepts the same.
        if self.text.startswith("?", self.at):
            self.at += 1
        self.atom = None

    def loop(self, start: int, *, least: int, again: bool) -> None:
        end = self.build.here
        if again:
            self.build.jump(end, start)
        self.enter(end)
        if least == 0:
            self.build.jump(start, self.build.here)

    def times(self, start: int) -> None:
        found = _REPEAT.match(self.text, self.at - 1)
        if found is None or self.last is None:
            raise _MalformedError
        self.at = found.end()
        ranges = self.last
        least = int(found[1])
        most = int(found[3]) if found[3] else (None if found[2] else least)
        if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
            raise _MalformedError
        # One copy is already there, and passing it by is what `start` is for.
        skips = [start] if least == 0 else []
        for count in range(1, max(least, most or 0)):
            if count >= least:
                skips.append(self.build.here)
            self.build.one(ranges)
        if most is None:
            self.build.run(ranges)
        if most == 0:
            self.enter(start)
            return
        self.enter(self.build.here)
        for state in skips:
            self.build.jump(state, self.build.here)

    def escape(self) -> Ranges:
        if self.at == len(self.text):
            raise _MalformedError
        char = self.text[self.at]
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum():
            raise _MalformedError
        return ((ord(char), ord(char)),)

    def set(self) -> Ranges:
        negated = self.text.startswith("^", self.at)
        self.at += negated
        members: list[tuple[int, int]] = []
        first = True
        while True:
            if self.at >= len(self.text):
                raise _MalformedError
            if self.text[self.at] == "]" and not first:
                break
            first = False
            members.extend(self.member())
        self.at += 1
        ranges = merge(members)
        return _but_end(complement(ranges)) if negated else ranges

    def member(self) -> Ranges:
        low = self.character()
        if len(low) != 1 or low[0][0] != low[0][1] or not self.text.startswith("-", self.at):
            return low
        if self.text[self.at + 1 : self.at + 2] in ("", "]"):
            return low
        self.at += 1
        high = self.character()
        if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise _MalformedError
        return ((low[0][0], high[0][0]),)

    def character(self) -> Ranges:
        char = self.text[self.at : self.at + 1]
        if not char:
            raise _MalformedError
        self.at += 1
        return self.escape() if char == "\\" else ((ord(char), ord(char)),)
