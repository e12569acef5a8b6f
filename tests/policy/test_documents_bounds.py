"""Text -> documents: aliases, tabs, bounds, and streams that are broken."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from hauberk.policy.documents import MAX_BROKEN, MAX_DEPTH, decode, read
from hauberk.policy.problems import Position, Problem
from support import ends
from support.texts import kinds, only

# ------------------------------------------------------------------------------------------ aliases, merge, tags


def test_aliases_are_their_values_and_stand_where_they_are_used() -> None:
    document = only("a: &x {p: 1, q: [2]}\nb: *x\nc: 3\n")
    assert document.data == {"a": {"p": 1, "q": [2]}, "b": {"p": 1, "q": [2]}, "c": 3}
    assert document.value_at("/a/q/0") == Position(1, 18, 1, 19)
    assert document.value_at("/b/q/0") == document.value_at("/b") == Position(2, 4, 2, 6)
    assert document.value_at("/c") == Position(3, 4, 3, 5)


def test_an_anchor_may_be_given_again() -> None:
    assert only("- &x 1\n- *x\n- &x 2\n- *x\n").data == [1, 1, 2, 2]


def test_an_alias_within_its_own_anchor_is_refused() -> None:
    assert kinds("a: &x [1, *x]\n") == [("yaml-alias", 1, 11)]
    assert kinds("a: 1\nb: &x {c: 1}\nd: &x {e: *x}\n") == [("yaml-alias", 3, 11)]
    assert kinds("a: *nowhere\n") == [("yaml-alias", 1, 4)]


def test_merge_keys_merge_and_warn() -> None:
    document = only("a: &x {p: 1, q: {r: 2}}\nb:\n  <<: *x\n  p: 3\nc: 4\n")
    assert document.data == {"a": {"p": 1, "q": {"r": 2}}, "b": {"p": 3, "q": {"r": 2}}, "c": 4}
    (problem,) = document.problems
    assert (problem.kind, problem.position, problem.detail) == (
        "yaml-merge",
        Position(3, 3, 3, 5),
        {"severity": "warning"},
    )
    assert document.value_at("/b/p") == Position(4, 6, 4, 7)
    assert document.value_at("/b/q/r").line == 3
    assert document.value_at("/c") == Position(5, 4, 5, 5)


def test_of_several_merged_mappings_the_first_counts() -> None:
    assert only("- &x {a: 1, b: 1}\n- &y {b: 2, c: 2}\n- {<<: [*x, *y]}\n").data[2] == {"a": 1, "b": 1, "c": 2}


@pytest.mark.parametrize("text", ['{"<<": {"a": 1}}', "'<<': {a: 1}\n"])
def test_a_quoted_merge_key_is_a_field(text: str) -> None:
    document = only(text)
    assert document.data == {"<<": {"a": 1}}
    assert not document.problems


@pytest.mark.parametrize("tag", ["!foo", "!!binary", "!!set", "!<x>", "!!python/object:os.system"])
@pytest.mark.parametrize("node", ["x", "{b: 1}", "[1]"])
def test_unknown_tags_are_problems_and_nothing_is_made_of_them(tag: str, node: str) -> None:
    document = only(f"a: {tag} {node}\n")
    assert [(problem.kind, problem.position.line) for problem in document.problems if problem.position] == [
        ("yaml-tag", 1)
    ]
    assert document.data["a"] in ("x", {"b": 1}, [1])


# ------------------------------------------------------------------------------------------ tabs


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a:\tb\n", [("yaml-tab", 1, 3)]),
        ("a: b\t\n", [("yaml-tab", 1, 5)]),
        ("a: b\t# c\tc\n", [("yaml-tab", 1, 5)]),
        ("a: b \t \t\n", [("yaml-tab", 1, 6), ("yaml-tab", 1, 8)]),
        ("a: [b,\tc]\nd: e\n", [("yaml-tab", 1, 7)]),
        ("a: 'b\tc'\nd: \"e\tf\"\ng: h\ti\n", []),
        ("a: |\n  b\tc\n  \td\ne: f\n", []),
        ("'a\tb': c\n", []),
        ("# a\tb\na: 1\n", []),
        ("a: '#\tb'\n", []),
        ("a: b#\tc\n", []),
        ('{"a":\t1}\n', []),
    ],
)
def test_tabs_as_white_space_are_warned_about(text: str, places: list[tuple[str, int, int]]) -> None:
    assert kinds(text) == places
    assert all(problem.detail["severity"] == "warning" for problem in read(text).problems)


def test_a_tab_as_indentation_is_a_syntax_error() -> None:
    assert kinds("a:\n\tb: 1\n")[0][0] == "yaml-syntax"


# ------------------------------------------------------------------------------------------ bounds


def test_depth_has_a_bound() -> None:
    assert only("[" * MAX_DEPTH + "]" * MAX_DEPTH).data
    assert kinds("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == [("yaml-depth", 1, MAX_DEPTH + 1)]
    assert kinds("[" * 100_000)[0][0] == "yaml-depth"
    assert kinds("".join(" " * depth + "a:\n" for depth in range(MAX_DEPTH + 1)))[0][0] == "yaml-depth"


def test_a_document_has_at_most_a_mebibyte() -> None:
    assert len(only("a: " + "x" * (1024 * 1024 - 100) + "\n").data["a"]) == 1024 * 1024 - 100
    parsed = read("b: 1\n---\na: " + "x" * 1024 * 1024 + "\n---\nc: 1\n")
    assert [document.data for document in parsed.documents] == [{"b": 1}, {"c": 1}]
    assert [(problem.kind, problem.position and problem.position.line) for problem in parsed.problems] == [
        ("yaml-size", 2)
    ]


def test_a_text_of_many_documents_may_be_larger() -> None:
    assert len(read("a: " + "x" * 100_000 + "\n---\n").documents) == 1
    assert len(read(("a: " + "x" * 100_000 + "\n---\n") * 20).documents) == 20


BOMBS = {
    "alias": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{after}: &{after} [{', '.join([f'*{one}'] * 9)}]\n" for one, after in pairwise("abcdefghi")),
    "merge": "a: &a {" + ", ".join(f"k{number}: 1" for number in range(30_000)) + "}\nb:\n" + "  <<: *a\n" * 60_000,
    "list of merges": "a: &a {"
    + ", ".join(f"k{number}: 1" for number in range(3000))
    + "}\nb: {<<: ["
    + "*a, " * 60_000
    + "]}\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_alias_bombs_do_not_go_off(text: str) -> None:
    assert [kind for kind, _, _ in kinds(text)] == ["yaml-alias"]


SLOW = {
    "repeated keys": "".join(f"k{number}: 1\n" for number in range(40_000)) * 2,
    "tabs": "".join(f"k{number}:\t1\n" for number in range(80_000)),
    "hashes": "".join(f"'# {number}': '#\t'\n" for number in range(60_000)),
    "broken documents": "--- }\n" * 170_000,
    "characters that are not allowed": "\x01\n---\n" * 100_000,
    "open templates": "{{ " * 300_000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_a_mebibyte_is_read_to_its_end_whatever_it_holds(text: str) -> None:
    with ends():
        read(text)


# ------------------------------------------------------------------------------------------ encodings, errors, streams


def test_utf_8_with_and_without_a_mark() -> None:
    assert decode("a: é\n".encode()) == "a: é\n"
    assert decode("a: é\n".encode("utf-8-sig")) == "a: é\n"


@pytest.mark.parametrize(
    ("data", "place", "byte"),
    [
        (b"a: 1\nb: \xc3\xa9\xff\n", Position(2, 5, 2, 6), "0xff"),
        (b"\xef\xbb\xbfa: 1\nb: \xff\n", Position(2, 4, 2, 5), "0xff"),
        ("a: 1\n".encode("utf-16"), Position(1, 1, 1, 2), "0xff"),
        (b"a: 1\r\nb\rc\x80", Position(3, 2, 3, 3), "0x80"),
        (b"\xed\xa0\x80", Position(1, 1, 1, 2), "0xed"),
    ],
)
def test_other_bytes_are_a_problem_with_a_place(data: bytes, place: Position, byte: str) -> None:
    problem = decode(data)
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.position) == ("yaml-encoding", place)
    assert byte in problem.message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: \x00\n", (2, 4)),
        ("é: é\n\U0001f600: \x07\n", (2, 4)),
        ("a: b\u2028c: \x1b", (2, 4)),
        ("a:\n  - \ufffe\n", (2, 5)),
    ],
)
def test_characters_that_yaml_does_not_allow(text: str, place: tuple[int, int]) -> None:
    assert kinds(text) == [("yaml-encoding", *place)]
    code = ord(next(char for char in text if char in "\0\a\x1b\ufffe"))
    assert f"#x{code:04x}" in read(text).problems[0].message


@pytest.mark.parametrize(
    ("text", "places", "data"),
    [
        ("a: 1\n---\nb: }\n---\nc: 2\n", [3], [{"a": 1}, {"c": 2}]),
        ("a: 1\n---\nb: [\n---\nc: 2\n", [4], [{"a": 1}, {"c": 2}]),
        ("a: [\n---\nb: {\n---\nc: 3\n", [2, 4], [{"c": 3}]),
        ("--- }\n--- }\n---\na: 1\n", [1, 2], [{"a": 1}]),
        ("a: *x\n---\nb: 1\n", [1], [{"b": 1}]),
        ("a: 1\nb\n", [3], []),
        ("x: \u2028\u2028 }\n---\na: 1\n", [3], [{"a": 1}]),
        (
            "x: '\u2028\u2028'\n---\n}\n---\nb: 1\n---\n}\n---\nc: 1\n",
            [5, 9],
            [{"x": "\u2028\u2028"}, {"b": 1}, {"c": 1}],
        ),
    ],
)
def test_a_broken_document_does_not_hide_the_others(text: str, places: list[int], data: list[Any]) -> None:
    parsed = read(text)
    assert [problem.position.line for problem in parsed.problems if problem.position] == places
    assert [document.data for document in parsed.documents] == data


def test_after_many_broken_documents_it_stops() -> None:
    parsed = read("--- }\n" * 1000)
    assert len(parsed.problems) == MAX_BROKEN + 1
    assert "not read" in parsed.problems[-1].message
    assert parsed.problems[-1].position == Position(101, 1, 101, 4)


def test_empty_documents_are_none() -> None:
    assert not read("").documents
    assert not read("# nothing\n---\n---\n~\n...\n").documents
    assert [document.data for document in read("---\na: 1\n---\n---\nb: 2\n").documents] == [{"a": 1}, {"b": 2}]
