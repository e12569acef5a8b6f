"""Text -> documents: what kubectl would send, and where each part of it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hauberk.policy.documents import read
from hauberk.policy.problems import Position, Problem
from support.texts import kinds, only, value

# ------------------------------------------------------------------------------------------ scalars


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        *[(word, True) for word in "y Y yes Yes YES true True TRUE on On ON".split()],
        *[(word, False) for word in "n N no No NO false False FALSE off Off OFF".split()],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, word) for word in ("yEs", "oN", "nULL", "none", "None")],
        *[
            ("0", 0),
            ("-0", 0),
            ("12", 12),
            ("+12", 12),
            ("-12", -12),
            ("1_000", 1000),
            ("-9223372036854775808", -(2**63)),
        ],
        *[
            ("010", 8),
            ("0o17", 15),
            ("0O17", 15),
            ("-010", -8),
            ("0x1F", 31),
            ("0X1f", 31),
            ("-0x1f", -31),
            ("0b101", 5),
        ],
        ("18446744073709551615", 2**64 - 1),
        # what is no number in base 8 is a decimal fraction, as is what needs more than 64 bits
        *[("089", 89.0), ("0_8", 8.0), ("18446744073709551616", 2.0**64), ("99999999999999999999", 1e20)],
        *[("1.5", 1.5), ("1_0.5", 10.5), (".5", 0.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1000.0), ("1E-2", 0.01)],
        *[
            (word, word)
            for word in ("0x", "0b", "0b_", "0b2", "0o8", "1_e", "1.2.3", ".", "+", "--1", "1-2", "._5", "0x_g")
        ],
        # JSON has none of these
        *[(word, word) for word in (".nan", ".NaN", ".inf", "-.inf", "+.INF", "1e400", "-1e400", "nan", "inf")],
        *[(word, word) for word in ("1:30", "190:20:30", "2020-01-01", "2001-12-14t21:59:43.10-05:00")],
        ("0x" + "f" * 17, "0x" + "f" * 17),
        ("9" * 65, "9" * 65),
        *[("'y'", "y"), ('"012"', "012"), ("'~'", "~"), ("'0x1'", "0x1")],
        *[
            ("!!str 12", "12"),
            ("!!int '5'", 5),
            ("! 12", 12),
            ("! '12'", 12),
            ("!!bool 'on'", True),
            ("!!null ''", None),
        ],
        ("|-\n  12", "12"),
    ],
)
def test_scalars_are_what_kubectl_reads(written: str, read_as: Any) -> None:
    found = value(written)
    assert found == read_as
    assert type(found) is type(read_as)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("1", "1"),
        ("0x10", "16"),
        ("yes", "true"),
        ("off", "false"),
        ("'yes'", "yes"),
        ("1.5", "1.5"),
        ("~", "~"),
        ("''", ""),
    ],
)
def test_keys_are_text(written: str, key: str) -> None:
    assert only(f"{written}: x\n").data == {key: "x"}


def test_a_collection_is_no_key() -> None:
    assert kinds("? [a]\n: b\n") == [("yaml-syntax", 1, 3)]
    assert kinds("{a: 1}: b\n") == [("yaml-syntax", 1, 1)]


# ------------------------------------------------------------------------------------------ duplicates

TWICE = """\
a: 1
spec:
  file:
    x: [1, 2]
  action: Allow
  file: {z: 3}
  tail: 4
b: 2
"""


def test_the_last_of_two_equal_keys_counts_and_positions_follow_it() -> None:
    document = only(TWICE)
    assert document.data == {"a": 1, "spec": {"action": "Allow", "file": {"z": 3}, "tail": 4}, "b": 2}
    (problem,) = document.problems
    assert problem == Problem(
        "duplicate-key",
        "",
        "file is given again: the value of line 3 is lost",
        Position(6, 3, 6, 7),
        {"name": "file", "keyword": "other", "nearest": None, "severity": "error"},
    )
    assert document.key_at("/spec/file") == Position(6, 3, 6, 7)
    assert document.value_at("/spec/file/z") == Position(6, 13, 6, 14)
    assert document.key_at("/spec/action") == Position(5, 3, 5, 9)
    assert document.value_at("/spec/tail") == Position(7, 9, 7, 10)
    assert document.value_at("/b") == Position(8, 4, 8, 5)


def test_every_repetition_is_a_problem_that_names_the_one_before() -> None:
    document = only("a: 1\na: 2\na: 3\n'a': 4\n")
    assert document.data == {"a": 4}
    assert [problem.message for problem in document.problems] == [
        f"a is given again: the value of line {line} is lost" for line in (1, 2, 3)
    ]
    assert document.value_at("/a") == Position(4, 6, 4, 7)


@pytest.mark.parametrize(
    ("text", "keyword", "nearest"),
    [
        ("a: 1\nb: 2\na: 1\n", "same-line", None),
        ("- a: 1\n  a: 1", "same-line", None),
        ("a: 1\r\na: 1 \r\n", "same-line", None),
        ("{a: 1, a: 1}", "same", None),
        ("a: 1\na: 1 # why\n", "same", None),
        ("a: 1\n# why\na: 1\n", "same", None),
        ("a: 1\na: &x 1\n", "same", None),
        ("a: |\n  1\na: |\n  1\n", "same", None),
        ("a:\na:\n", "same", None),
        ("a: 1\na: '1'\n", "other", None),
        ("a: [1]\na: [1]\n", "other", None),
        ("a: 1\nfile:\na: 1\n", "other", "file (line 2)"),
        ("file:\na: 1\na: 1\n", "same-line", None),
    ],
)
def test_equal_scalars_given_twice_lose_nothing(text: str, keyword: str, nearest: str | None) -> None:
    (problem,) = only(text).problems
    assert (problem.detail["keyword"], problem.detail["nearest"]) == (keyword, nearest)
    assert problem.detail["severity"] == ("error" if keyword == "other" else "warning")
    assert problem.message.startswith(
        "a is given again" if keyword == "other" else "a is given again with the same value"
    )


def test_a_third_key_names_the_first() -> None:
    said = [problem.message for problem in only("a: 1\na: 1\na: 1\n").problems]
    assert said == ["a is given again with the same value, first in line 1"] * 2


def test_keys_are_equal_as_text() -> None:
    assert kinds("1: a\n'1': b\n") == [("duplicate-key", 2, 1)]
    assert kinds("yes: a\non: b\n") == [("duplicate-key", 2, 1)]


# ------------------------------------------------------------------------------------------ positions

NESTED = """\
# a comment
metadata:
  name: "p"   # another
spec:
  file:
    matchPaths:
    - path: /a
      fromSource: [{path: /b}, {}]
    - {path: /c, action: Block}
  message: |
    two
    lines
  tags:
  - x
  "a/b~c": {}
  last:
"""


def test_positions_of_nested_values() -> None:
    document = only(NESTED)
    places = {
        "/metadata": (Position(2, 1, 2, 9), Position(3, 3, 3, 12)),
        "/metadata/name": (Position(3, 3, 3, 7), Position(3, 9, 3, 12)),
        "/spec/file/matchPaths": (Position(6, 5, 6, 15), Position(7, 5, 9, 32)),
        "/spec/file/matchPaths/0": (Position(7, 7, 8, 35), Position(7, 7, 8, 35)),
        "/spec/file/matchPaths/0/path": (Position(7, 7, 7, 11), Position(7, 13, 7, 15)),
        "/spec/file/matchPaths/0/fromSource/0/path": (Position(8, 21, 8, 25), Position(8, 27, 8, 29)),
        "/spec/file/matchPaths/0/fromSource/1": (Position(8, 32, 8, 34), Position(8, 32, 8, 34)),
        "/spec/file/matchPaths/1/action": (Position(9, 18, 9, 24), Position(9, 26, 9, 31)),
        "/spec/message": (Position(10, 3, 10, 10), Position(10, 12, 13, 1)),
        "/spec/tags/0": (Position(14, 5, 14, 6), Position(14, 5, 14, 6)),
        "/spec/a~1b~0c": (Position(15, 3, 15, 10), Position(15, 12, 15, 14)),
        "/spec/last": (Position(16, 3, 16, 7), Position(16, 8, 16, 8)),
    }
    assert {at: (document.key_at(at), document.value_at(at)) for at in places} == places


def test_a_missing_field_stands_where_its_nearest_parent_does() -> None:
    document = only(NESTED)
    assert document.key_at("/spec/file/matchPaths/0/pts") == document.key_at("/spec/file/matchPaths/0")
    assert document.value_at("/metadata/labels/app") == document.value_at("/metadata")
    assert document.value_at("/nothing/at/all") == document.value_at("")


def test_a_reader_looks_at_a_scalar_itself_and_at_the_key_of_more() -> None:
    document = only(NESTED)
    assert document.place("/metadata/name") == document.value_at("/metadata/name")
    assert document.place("/spec/file") == document.key_at("/spec/file")
    assert document.place("/spec/message") == document.key_at("/spec/message")


def test_siblings_of_a_field_and_of_an_entry() -> None:
    document = only(NESTED)
    assert document.siblings("/spec/message") == (Position(10, 3, 10, 10), Position(13, 3, 13, 7), 5)
    assert document.siblings("/spec/file/matchPaths/0") == (None, Position(9, 7, 9, 32), 2)
    assert document.siblings("/spec/last")[1:] == (None, 5)


def test_columns_count_characters() -> None:
    document = only('{a: "\u00e9\U0001f600", b: 1}\n')
    assert document.value_at("/b") == Position(1, 14, 1, 15)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\x85", "\u2028"])
def test_every_line_break_of_yaml_counts(end: str) -> None:
    assert only(f"a: 1{end}b: 2{end}").value_at("/b") == Position(2, 4, 2, 5)


@pytest.mark.parametrize("text", ["a:", "?", "a: [1,", "- ", "a: |", "a: &b"])
def test_nothing_stands_below_the_last_line(text: str) -> None:
    parsed = read(text)
    for document in parsed.documents:
        for pointer in document.index():
            assert document.value_at(pointer).end_line == 1
    assert all(problem.position is not None and problem.position.line == 1 for problem in parsed.problems)


def test_embedded_text_is_placed_in_its_file() -> None:
    parsed = read("a: 1\na: \t2\n---\nb: [\n", line=10, column=4)
    document = parsed.documents[0]
    assert document.value_at("/a") == Position(12, 9, 12, 10)
    assert document.problems[0].position == Position(12, 5, 12, 6)
    assert [(problem.kind, problem.position) for problem in parsed.problems] == [
        ("yaml-syntax", Position(15, 5, 15, 6)),
        ("yaml-tab", Position(12, 8, 12, 9)),
    ]


# ------------------------------------------------------------------------------------------ kind: List

LIST = """\
kind: List
items:
- kind: A
  a: &x {b: 1}
- *x
-
- kind: B
  kind: C
"""


def test_items_of_a_list_are_documents() -> None:
    parsed = read(LIST)
    assert [document.data for document in parsed.documents] == [
        {"kind": "A", "a": {"b": 1}},
        {"b": 1},
        None,
        {"kind": "C"},
    ]
    assert [document.value_at("").line for document in parsed.documents] == [3, 5, 6, 7]
    assert parsed.documents[0].value_at("/a/b") == Position(4, 13, 4, 14)
    assert parsed.documents[3].value_at("/kind") == Position(8, 9, 8, 10)
    assert parsed.documents[3].key_at("/missing").line == 7
    # once, and not in each of them
    assert [problem.kind for problem in parsed.problems] == ["duplicate-key"]
    assert not any(document.problems for document in parsed.documents)


@pytest.mark.parametrize("text", ["kind: List\nitems: 1\n", "kind: List\n", "kind: List\nitems: {a: 1}\n"])
def test_a_list_without_items_is_a_document(text: str) -> None:
    assert only(text).data["kind"] == "List"


# ------------------------------------------------------------------------------------------ JSON, templates


def test_json_is_yaml() -> None:
    data = {"a": [1, -2.5, True, None, "x\ty\n\u00e9/"], "b": {"<<": 1, "": {}}}
    for text in (json.dumps(data), json.dumps(data, indent="\t"), json.dumps(data, ensure_ascii=False)):
        document = only(text)
        assert document.data == data
        assert not document.problems


def test_json_writes_large_characters_as_two_escapes() -> None:
    data = {"a": "\U0001f600\U0001f601 \\ud83d\\ude00", "\U00010000": "\U0010ffff"}
    assert only(json.dumps(data)).data == data
    assert kinds('{"a": "\\ud83d"}')[0][0] == "yaml-syntax"
    assert kinds('a: "\\ud83d\\ude00"')[0][0] == "yaml-syntax"


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ .Values.x }}\n",
        "{{- if .Values.x }}\na: 1\n{{- end }}\n",
        'a: 1\n{{ include "x" . | nindent 2 }}\n',
        "a: b{{/* note */}}\n",
        "a: {{ toYaml .x }}\n",
    ],
)
def test_templates_are_left_alone(text: str) -> None:
    parsed = read(text)
    assert not parsed.documents
    assert not parsed.problems
    assert "a template (line " in parsed.skipped


@pytest.mark.parametrize(
    "text", ["a: 1 # {{ .Values.x }}\n", "# {{ if }}\na: 1\n", "a: '{{x}}'\n", "{a: {b: {c: 1}}}\n"]
)
def test_braces_alone_are_no_template(text: str) -> None:
    assert only(text).data


def test_a_template_may_be_embedded() -> None:
    assert "(line 13 " in read("a: 1\nb: {{ .x }}\n", line=11).skipped
