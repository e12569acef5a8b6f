# ruff: noqa: S108  the paths are those of policies, no file is made
from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hauberk.policy.matching import (
    Below,
    DomainBelow,
    Exact,
    Glob,
    Named,
    OtherProcess,
    Pathless,
    Subject,
    cut,
    octets,
    seen,
    socket_protocol,
    subject_of,
)
from hauberk.policy.model import Access, Model
from hauberk.policy.patterns import parse_pattern, recognizer
from support import ends


def matches(pattern: str, target: str) -> bool:
    found = recognizer(pattern)
    return found is not None and found.accepts(target)


@pytest.mark.parametrize(
    ("pattern", "target", "expected"),
    [
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/", False),
        ("/a/*", "/a/b/c", False),
        ("/a/b*", "/a/b", True),
        ("/a/*b", "/a/b", True),
        ("/**", "/", False),
        ("/**", "/a/b", True),
        ("/a/**/b", "/a/b", False),
        ("/a/**/b", "/a/x/y/b", True),
        ("/a/***/b", "/a/x/y/b", True),
        ("/a**b", "/ab", True),
        ("/a**b", "/a/x/b", True),
        ("**", "/a/b", True),
        ("*", "a", True),
        ("*/a", "/a", False),
        ("/?", "/a", True),
        ("/?", "//", False),
        ("/a?c", "/a/c", False),
        ("/[abc]", "/b", True),
        ("/[a-c]", "/d", False),
        ("/[^a-c]", "/d", True),
        ("/x[^a]y", "/x/y", False),
        ("/x[/]y", "/x/y", False),
        ("/x[.-0]y", "/x/y", False),
        ("/[]]", "/]", True),
        ("/[]a]", "/a", True),
        ("/[^]]", "/]", False),
        ("/[\\]", "/\\", True),
        ("/[a-]", "/-", True),
        ("/[-a]", "/-", True),
        ("/[a-c-e]", "/-", True),
        ("/[a-c-e]", "/d", False),
        ("/[*?{}]", "/*", True),
        ("/{a,b}", "/b", True),
        ("/{a,b}", "/c", False),
        ("/a{,b}", "/a", True),
        ("/{}", "/", True),
        ("/{a,b{c,d}}e", "/bde", True),
        ("/{a,b{c,d}}e", "/be", False),
        ("/{*.key,?}", "/x.key", True),
        ("/{*,x}", "/", True),
        ("/a{/*,}", "/a/", True),
        ("/a,b", "/a,b", True),
        ("/{a\\,b}", "/a,b", True),
        ("/\\*", "/*", True),
        ("/\\*", "/a", False),
        ("/a\\/*", "/a/", False),
        ("/*\\/a", "//a", False),
        ("/\u00e9?", "/\u00e9\u00fc", True),
        ("/a\n*", "/a\nb", True),
        ("", "", True),
    ],
)
def test_patterns(pattern: str, target: str, expected: bool) -> None:
    assert matches(pattern, target) is expected


@pytest.mark.parametrize(
    "pattern", ["/[a", "/[", "/[]", "/[^", "/[^]", "/{a", "/{a,{b}", "/}", "/a}b", "/[b-a]", "/a\\", "/{a\\"]
)
def test_malformed_patterns_match_nothing(pattern: str) -> None:
    assert parse_pattern(pattern) is None
    assert not Glob(pattern).hits(Subject(pattern, pattern, "", path=True))


def oracle(pattern: str) -> re.Pattern[str]:
    """The same language for Python's engine; for patterns of the tokens below only."""
    pieces: list[str] = []
    tokens = re.findall(r"\*+|\{|\}|,|\?|/|[a-c]", pattern)
    for index, token in enumerate(tokens):
        if token[0] == "*":
            whole = (index == 0 or tokens[index - 1] == "/") and (index == len(tokens) - 1 or tokens[index + 1] == "/")
            pieces.append(("[^/]" if len(token) == 1 else "[\\s\\S]") + ("+" if whole else "*"))
        else:
            pieces.append({"{": "(?:", "}": ")", ",": "|", "?": "[^/]"}.get(token, token))
    return re.compile("".join(pieces))


PIECES = st.lists(st.sampled_from(["*", "**", "?", "/", "/", "a", "b", "c"]), max_size=5).map("".join)
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.tuples(PIECES, st.lists(inner, min_size=1, max_size=3), PIECES).map(
        lambda parts: f"{parts[0]}{{{','.join(parts[1])}}}{parts[2]}"
    ),
    max_leaves=5,
)


@settings(max_examples=500, deadline=None)
@given(PATTERNS, st.text("abc/", max_size=8))
def test_patterns_agree_with_another_engine(pattern: str, target: str) -> None:
    assert matches(pattern, target) is bool(oracle(pattern).fullmatch(target))


@settings(max_examples=500, deadline=None)
@given(st.text("ab/*?[]{}^-\\,", max_size=12), st.text("ab/-]\\", max_size=6))
def test_any_pattern_is_read_without_an_error(pattern: str, target: str) -> None:
    matches(pattern, target)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 200 + "b",
        "**a" * 200 + "b",
        "{*a,*a,a*}" * 100 + "b",
        "{" * 3000 + "a" + "}" * 3000,
        "{a,aa}" * 300 + "b",
        "[ab]*" * 300 + "c",
    ],
)
def test_hostile_patterns_end(pattern: str) -> None:
    with ends():
        assert not matches(pattern, "a" * 255)


def test_what_a_pattern_remembers_is_bounded() -> None:
    found = recognizer("{*a?b,*a??b,*b???a,?*a????b}")
    assert found is not None
    for number in range(3000):
        found.accepts(f"{number:012b}".replace("0", "a").replace("1", "b"))
    assert sum(len(states) + len(after) + 1 for (states, _), after in found._steps.items()) <= 20_000


def path(text: str, model: Model = Model.HAUBERK) -> Subject:
    return subject_of(model, Access("read", text))


@pytest.mark.parametrize(
    ("target", "direct", "deep"),
    [
        ("/a", True, True),
        ("/a/b", True, True),
        ("/a/b/c", False, True),
        ("/ab", False, False),
        ("/", False, False),
        ("/b", False, False),
    ],
)
def test_below(target: str, direct: bool, deep: bool) -> None:
    assert Below("/a/", deep=False).hits(path(target)) is direct
    assert Below("/a/", deep=True).hits(path(target)) is deep


def test_below_the_root() -> None:
    assert Below("/", deep=False).hits(path("/"))
    assert Below("/", deep=False).hits(path("/a"))
    assert not Below("/", deep=False).hits(path("/a/b"))
    assert Below("/", deep=True).hits(path("/a/b"))
    assert not Below("/", deep=True).hits(path("memfd:x"))


def test_the_window_counts_bytes() -> None:
    below = Below("/tmp/", deep=False, itself=False, window=64)
    assert not below.hits(path("/tmp/" + "a" * 58 + "/x"))
    assert below.hits(path("/tmp/" + "a" * 59 + "/x"))
    assert not below.hits(path("/tmp/" + "\u00e9" * 29 + "/x"))
    assert below.hits(path("/tmp/" + "\u00e9" * 30 + "/x"))
    assert not below.hits(path("/tmp"))


def test_targets_without_a_path_match_no_path() -> None:
    subject = path("memfd:x")
    assert not Exact("memfd:x").hits(subject)
    assert not Named("memfd:x").hits(subject)
    assert not Glob("**").hits(subject)
    assert Pathless().hits(subject)
    assert not Pathless().hits(path("/"))
    assert Pathless(root=True).hits(path("/"))


@pytest.mark.parametrize(
    ("target", "environ", "whole"),
    [
        ("/proc/1/environ", True, True),
        ("/proc/1/maps", False, True),
        ("/proc/1/task/1/environ", False, True),
        ("/proc/self/environ", False, False),
        ("/proc/\u0661/environ", False, False),
        ("/proc/1", False, False),
        ("/proc/1/", False, False),
        ("/x/proc/1/environ", False, False),
    ],
)
def test_other_processes(target: str, environ: bool, whole: bool) -> None:
    assert OtherProcess(whole=False).hits(path(target)) is environ
    assert OtherProcess(whole=True).hits(path(target)) is whole


def test_domains() -> None:
    below = DomainBelow(("x.org",))
    assert below.hits(Subject("x.org"))
    assert below.hits(Subject("a.b.x.org"))
    assert not below.hits(Subject("ax.org"))
    assert not below.hits(Subject("org"))
    assert DomainBelow(("x.org",), 2).hits(Subject("a.b.x.org"))
    assert not DomainBelow(("x.org",), 2).hits(Subject("a.b.c.x.org"))


@pytest.mark.parametrize(
    ("socket_type", "number", "protocol"),
    [
        ("stream", 0, 6),
        ("stream", 6, 6),
        ("stream", 132, 132),
        ("stream", 17, 17),
        ("dgram", 0, 17),
        ("dgram", 1, 1),
        ("seqpacket", 0, 132),
        ("seqpacket", 132, 132),
        ("raw", 0, 0),
        ("raw", 6, 6),
    ],
)
def test_the_protocol_of_a_socket(socket_type: str, number: int, protocol: int) -> None:
    assert socket_protocol(socket_type, number) == protocol


def test_kubearmor_sees_the_last_components_and_bytes() -> None:
    twenty = "".join(f"/c{number}" for number in range(20))
    assert seen(twenty) == twenty
    assert seen("/first" + twenty) == twenty
    assert seen("/" + "x" * 198) == "/" + "x" * 198
    assert seen("/" + "x" * 300) == "/" + "x" * 198
    subject = path("/" + "d" * 190 + "/" + "n" * 100, Model.KUBEARMOR)
    assert len(subject.text) == 199
    assert subject.name == "n" * 100
    assert path("/a/" + "n" * 250, Model.KUBEARMOR).name == "n" * 199


def test_bytes_of_any_string() -> None:
    assert octets("a\u00e9\udcff") == b"a\xc3\xa9\xff"
    assert octets("\ud800")
    assert cut("\u00e9\u00e9", 3).encode("utf-8", "surrogateescape") == b"\xc3\xa9\xc3"


def test_names_and_capabilities_as_a_model_sees_them() -> None:
    assert subject_of(Model.HAUBERK, Access("dns", "X.org")).text == "x.org"
    assert subject_of(Model.KUBEARMOR, Access("dns", "X.org")).text == "X.org"
    assert len(subject_of(Model.KUBEARMOR, Access("dns", "x" * 80)).text) == 63
    assert subject_of(Model.HAUBERK, Access("capability", "CAP_KILL")).text == "kill"
