"""The text is read alike by readers of YAML 1.1 and 1.2, and is the value that was written."""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hauberk.cli.gitops.yamltext import to_yaml
from hauberk.policy.documents import read

WORDS = [
    "yes",
    "No",
    "on",
    "null",
    "~",
    "1e3",
    "0o14",
    "0x1f",
    "1_000",
    "12:30",
    ".inf",
    "a: b",
    "a #b",
    "- a",
    "a\nb\n",
]
WORDS += [
    " a",
    "a ",
    "",
    "!x",
    "&a",
    "*a",
    "%",
    "@x",
    "`",
    "\u2028",
    "\ufeff",
    "\x7f",
    "é",
    "😀",
    "=",
    "<<",
    "a:",
    "/**",
]
WORDS += [
    "a\nb",
    "\na\n",
    " a\nb\n",
    "a\n\nb\n",
    "a\tb\nc\n",
    "a\nb \n",
    "2026-11-24",
    "null\n",
    "---\n...\n",
    "y",
    "N",
]
texts = st.one_of(st.text(max_size=12), st.sampled_from(WORDS))
# lone surrogates are no text of any file
texts = texts.filter(lambda text: text.isprintable() or not any(0xD800 <= ord(c) <= 0xDFFF for c in text))
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(-(2**31), 2**31)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(value=st.dictionaries(texts, values, min_size=1, max_size=4))
def test_it_reads_back_as_what_was_written(value: dict[str, Any]) -> None:
    text = to_yaml(value)
    assert yaml.load(text, yaml.CSafeLoader) == value
    assert YAML(typ="safe", pure=True).load(io.StringIO(text)) == value


@pytest.mark.parametrize("word", WORDS)
def test_words_that_look_like_something_else(word: str) -> None:
    text = to_yaml({"key": word, word: ["x", word]})
    (document,) = read(text).documents
    assert document.data == {"key": word, word: ["x", word]}


def test_its_form() -> None:
    value = {"a": {"b": [{"c": 1, "d": ["e", "no"]}, {}, []]}, "text": "one\ntwo\n", "path": "/etc/*", "flag": True}
    assert to_yaml(value) == (
        'a:\n  b:\n    - c: 1\n      d:\n        - e\n        - "no"\n    - {}\n    - []\n'
        "text: |\n  one\n  two\npath: /etc/*\nflag: true\n"
    )
