"""Patterns: section 4.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# --------------------------------------------------------------------------------------------------- 4.2 Patterns


class MalformedError(Exception):
    pass


Token = tuple[str, Any]


def pattern_matches(pattern: str, target: str) -> bool:
    try:
        tokens, end = parse_sequence(pattern, 0, inside=False)
    except MalformedError:
        return False
    assert end == len(pattern)
    return any(match_here(chosen, 0, target, 0, set()) for chosen in choices(tokens))


def parse_sequence(text: str, at: int, *, inside: bool) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    while at < len(text):
        letter = text[at]
        if inside and letter in ",}":
            return tokens, at
        if letter == "*":
            end = at
            while end < len(text) and text[end] == "*":
                end += 1
            # "Preceded" and "followed" are about the pattern as written (unsaid for `{*,a}`: a brace is no start).
            preceded = (at == 0) if not tokens else tokens[-1] == ("letter", "/")
            followed = end == len(text) or text.startswith(("/", "\\/"), end)
            tokens.append(("star", (end - at > 1, 1 if preceded and followed else 0)))
            at = end
        elif letter == "?":
            tokens.append(("one", None))
            at += 1
        elif letter == "[":
            token, at = parse_set(text, at + 1)
            tokens.append(token)
        elif letter == "{":
            options: list[list[Token]] = []
            at += 1
            while True:
                option, at = parse_sequence(text, at, inside=True)
                options.append(option)
                if at == len(text):
                    raise MalformedError("unclosed {")
                at += 1
                if text[at - 1] == "}":
                    break
            tokens.append(("choice", options))
        elif letter == "}":
            raise MalformedError("lone }")
        elif letter == "\\":
            if at + 1 == len(text):
                raise MalformedError("final backslash")
            tokens.append(("letter", text[at + 1]))
            at += 2
        else:
            tokens.append(("letter", letter))
            at += 1
    return tokens, at


def parse_set(text: str, at: int) -> tuple[Token, int]:
    negated = text[at : at + 1] == "^"
    if negated:
        at += 1
    ranges: list[tuple[str, str]] = []
    first = True
    while True:
        if at >= len(text):
            raise MalformedError("unclosed [")
        letter = text[at]
        if letter == "]" and not first:
            return ("set", (negated, ranges)), at + 1
        first = False
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text) and text[at + 2] != "]":
            if text[at + 2] < letter:
                raise MalformedError("descending range")
            ranges.append((letter, text[at + 2]))
            at += 3
        else:
            ranges.append((letter, letter))
            at += 1


def choices(tokens: list[Token]) -> Iterator[list[Token]]:
    if not tokens:
        yield []
        return
    (name, value), rest = tokens[0], tokens[1:]
    heads = [[tokens[0]]] if name != "choice" else [head for option in value for head in choices(option)]
    for head in heads:
        for tail in choices(rest):
            yield head + tail


def match_here(tokens: list[Token], i: int, target: str, at: int, failed: set[tuple[int, int]]) -> bool:
    """Whether the tokens from `i` match the target from `at`; `failed` are places known not to."""
    if (i, at) in failed:
        return False
    if match_from(tokens, i, target, at, failed):
        return True
    failed.add((i, at))
    return False


def match_from(tokens: list[Token], i: int, target: str, at: int, failed: set[tuple[int, int]]) -> bool:
    if i == len(tokens):
        return at == len(target)
    name, value = tokens[i]
    if name == "star":
        deep, least = value
        length = 0
        while True:
            if length >= least and match_here(tokens, i + 1, target, at + length, failed):
                return True
            if at + length >= len(target) or (not deep and target[at + length] == "/"):
                return False
            length += 1
    if at >= len(target):
        return False
    letter = target[at]
    match name:
        case "one":
            fits = letter != "/"
        case "set":
            negated, ranges = value
            fits = letter != "/" and any(low <= letter <= high for low, high in ranges) != negated
        case _:
            fits = letter == value
    return fits and match_here(tokens, i + 1, target, at + 1, failed)
