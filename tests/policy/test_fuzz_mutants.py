"""Readers of untrusted text: policies with something changed in them."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from hauberk.policy.documents import Parsed
from hauberk.policy.loose import is_list, is_mapping
from policy.fuzz import (
    SEEDS,
    check,
    inputs,
)

SNIPPETS = [
    "\t",
    "  ",
    " ",
    "x",
    "# ",
    ": ",
    "- ",
    "&a ",
    "*a ",
    "&one ",
    "*one",
    "*meta",
    "<<: *p",
    "<<: {path: /x}",
    "{a: [b, {c: d}]}",
    "[1, [2, [3]]]",
    "null",
    "~: x",
    "1: x",
    "1.5: y",
    "true: z",
    "? [a]\n: b",
    "123456789012345678901234567890",
    "1e400",
    "0x" + "f" * 30,
    "-" + "9" * 5000,
    ".inf",
    ".nan",
    "089",
    "0_8",
    "yes",
    "!!int '5'",
    "!!binary aGk=",
    "!foo bar",
    "|",
    ">-",
    "'",
    '"',
    "---",
    "...",
    "\r",
    "\u2028",
    "\u00e9\U0001f600",
    "\x07",
    "{{ .Values.x }}",
    "{{",
    "%TAG ! x",
    "a/b~c: 1",
    "'': 1",
    "path: /a",
    "spec: {}",
    "kind: List\nitems: []",
    "severity: 99999999999999999999",
    "severity: 5.0",
    "severity: -0x5",
]


@st.composite
def mutants(draw: st.DrawFn) -> str:
    rows = draw(st.sampled_from(SEEDS)).splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(rows) - 1))
        row = rows[at]
        match draw(st.integers(0, 9)):
            case 0:
                del rows[at : at + draw(st.integers(1, 3))]
            case 1:
                rows.insert(draw(st.integers(0, len(rows))), row)
            case 2:
                rows.insert(at, " " * draw(st.integers(0, 6)) + draw(st.sampled_from(SNIPPETS)) + "\n")
            case 3 | 4:
                column = draw(st.integers(0, len(row)))
                rows[at] = row[:column] + draw(st.sampled_from(SNIPPETS)) + row[column:]
            case 5 | 6:
                key, colon, _ = row.partition(":")
                rows[at] = f"{key}{colon} {draw(st.sampled_from(SNIPPETS))}\n"
            case 7:
                rows[at] = " " * draw(st.integers(0, 8)) + row.lstrip(" ")
            case 8:
                column = draw(st.integers(0, len(row)))
                rows[at] = row[:column] + row[column + draw(st.integers(1, 4)) :]
            case _:
                end = draw(st.integers(at, len(rows)))
                rows[at:end] = ["".join(rows[at:end]).replace(draw(st.sampled_from([" ", ":", "-", "\n"])), "", 1)]
        if not rows:
            rows = ["\n"]
    return "".join(rows)


@inputs(7000)
@given(text=mutants())
def test_mutated_policies(text: str) -> None:
    compare_shape(text, check(text))


def compare_shape(text: str, parsed: Parsed) -> None:
    """Where nothing was found odd, libyaml's own composer sees the same mappings, lists and text."""
    if parsed.problems or parsed.skipped or any(document.problems for document in parsed.documents):
        return
    try:
        loaded = [node for node in yaml.load_all(text, yaml.CBaseLoader) if node not in (None, "")]
    except yaml.composer.ComposerError as error:
        if "duplicate anchor" in str(error):  # PyYAML alone refuses these
            return
        raise
    roots: list[Any] = []
    for document in parsed.documents:
        if document.root != "" and (not roots or roots[-1] is not document.root):
            roots.append(document.root)
    assert len([root for root in loaded if not empty_list_kind(root)]) >= len(roots)
    if len(loaded) == len(roots):
        for ours, theirs in zip(roots, loaded, strict=True):
            compare(ours, theirs)


def empty_list_kind(node: Any) -> bool:
    return isinstance(node, dict) and node.get("kind") == "List" and node.get("items") == []


def compare(ours: Any, theirs: Any) -> None:
    if is_mapping(ours):
        assert isinstance(theirs, dict)
        assert len(ours) == len(theirs)
        for mine, yours in zip(ours.values(), theirs.values(), strict=True):
            compare(mine, yours)
    elif is_list(ours):
        assert isinstance(theirs, list)
        for mine, yours in zip(ours, theirs, strict=True):
            compare(mine, yours)
    else:
        assert isinstance(theirs, str)
        if isinstance(ours, str):
            assert ours == theirs
