# ruff: noqa: S108  the paths are those of policies, no file is made
"""Automata over bytes against the matcher over characters, whose answer is the right one by definition."""

from __future__ import annotations

import random
import sys
import tracemalloc
from array import array
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hauberk.enforcer.kernel.dfa import MOST_STATES, Automaton, TooManyStatesError, compile_globs
from hauberk.policy.matching import Glob, Subject
from support import ends

PROGRAMS = (
    "curl wget nc ncat socat bash python3 perl ssh scp rsync apt dpkg yum rpm gcc ld make docker kubectl mount umount "
    "insmod rmmod modprobe nsenter unshare strace gdb tcpdump"
).split()


def globs(*patterns: str) -> list[Glob]:
    return [Glob(pattern) for pattern in patterns]


def hits(of: Sequence[Glob], path: bytes) -> frozenset[int]:
    text = path.decode("utf-8", "surrogateescape")
    subject = Subject(text, text, text[text.rfind("/") + 1 :], path=text.startswith("/"))
    return frozenset(index for index, glob in enumerate(of) if glob.hits(subject))


def table(automaton: Automaton) -> list[list[int]]:
    return [list(array("H", row)) for row in automaton.rows]


# -- against the matcher

TOKENS = st.sampled_from(
    [
        *("/", "/", "a", "b", "é", "日", "😀", "\ud7ff", "\ue000"),
        *("*", "**", "?", "/**/", "/*/", "/**", "\\*", "\\é", "\\/"),
        *("[ab]", "[^a]", "[]a]", "[^]]", "[a-]", "[à-ö]", "[^à-ö]", "[a-é]", "[日-月]", "[😀-😂]", "[^日]"),
        # ranges that end within what one, two, three and four bytes begin, or at a border of these
        *("[\x7f-\x80]", "[\x80-\u07ff]", "[\u07fe-\u0801]", "[\u0fff-\u1001]", "[\ud7ff-\ue000]", "[^\x01-\uffff]"),
        *("[\u0800-\U0010ffff]", "[\uffff-\U00010000]", "[\U0003ffff-\U00040001]", "[\U00100000-\U0010ffff]"),
        # bytes that are part of no character
        *("\udcc3", "[\udc80-\udc97]", "[^\udce6-\udcff]"),
    ]
)
PIECES = st.lists(TOKENS, max_size=4).map("".join)
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.tuples(PIECES, st.lists(inner, min_size=1, max_size=3), PIECES).map(
        lambda parts: f"{parts[0]}{{{','.join(parts[1])}}}{parts[2]}"
    ),
    max_leaves=4,
)
NAMES = st.none() | st.sampled_from(["a", "ab", "aa", "é", "日a", "😀", "", "a/b", "\udcc3", "\udce6\udc97"])
GLOBS = st.lists(
    st.builds(Glob, st.tuples(st.sampled_from(["/", "/", "/", ""]), PATTERNS).map("".join), NAMES), max_size=5
)

PARTS = st.sampled_from(
    [
        *(b"/", b"/", b"a", b"b", b"*", b"]"),
        *("é".encode(), "日".encode(), "月".encode(), "😀".encode(), "😂".encode()),
        *("\x80".encode(), "\u07ff".encode(), "\u0800".encode(), "\u1000".encode(), "\ud7ff".encode()),
        *("\ue000".encode(), "\uffff".encode(), "\U00010000".encode(), "\U00040000".encode(), "\U0010ffff".encode()),
        # bytes alone, and characters that were cut
        *(b"\x80", b"\x97", b"\xa9", b"\xbf", b"\xc3", b"\xe0", b"\xed", b"\xf0", b"\xf4", b"\xff"),
        *(b"\xe6\x97", b"\xe0\xa0", b"\xed\x9f", b"\xf0\x9f", b"\xf0\x9f\x98", b"\xf4\x8f\xbf"),
        # what decodes to nothing: overlong forms, surrogates, beyond the last code point
        *(
            b"\xc0\x80",
            b"\xc0\xaf",
            b"\xc1\xa1",
            b"\xe0\x80\xaf",
            b"\xe0\x9f\xbf",
            b"\xf0\x80\x80\xaf",
            b"\xf0\x8f\xbf\xbf",
        ),
        *(b"\xed\xa0\x80", b"\xed\xb3\x83", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"),
    ]
)
PATHS = st.one_of(
    st.lists(PARTS, max_size=7).map(b"".join),
    st.lists(st.one_of(PARTS, st.integers(1, 255).map(lambda byte: bytes([byte]))), max_size=7).map(b"".join),
).map(lambda rest: b"/" + rest)


@settings(max_examples=500, deadline=None)
@given(GLOBS, st.lists(PATHS, min_size=1, max_size=20))
@example(globs("/?"), ["/é".encode(), b"/\xc3", b"/\xed\xa0\x80", b"/\xe6\x97", b"/\xe6\x97\xa5\xa5"])
@example(globs("/???", "/*?"), [b"/\xed\xa0\x80", b"/\xc0\xaf", b"/\xf0\x9f\x98", b"/\xf0\x9f\x98\x80"])
def test_bytes_agree_with_characters(of: list[Glob], paths: list[bytes]) -> None:
    automaton = compile_globs(of)
    for path in paths:
        assert automaton.run(path) == hits(of, path)


BORDERS = [*b"/a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"]
FOLLOWING = [*b"a\x80\x8f\x90\x9f\xa0\xbf\xc2"]


def test_bytes_at_all_borders_of_utf_8_agree_with_characters() -> None:
    ranges = ["\x80-\u07ff", "\u0800-\uffff", "\U00010000-\U0010ffff", "\u0fff-\u1000", "\U0003ffff-\U00040000"]
    strays = ["\udc80-\udc8f", "\udc90-\udce0", "\udce1-\udcf3", "\udcf4", "\udcd0-\udce8"]
    of = globs(
        *("/?", "/??", "/???", "/????", "/?[\udc90-\udcb0]*", "/??[\udca0-\udcbe]?"),
        *(f"/[{negated}{one}]*" for one in ranges + strays for negated in ("", "^")),
    )
    automaton = compile_globs(of)
    parts = [bytes(part) for size in (1, 2, 3) for part in product(BORDERS, repeat=size)]
    parts += [bytes(part) for part in product(BORDERS[17:], FOLLOWING, FOLLOWING, FOLLOWING)]
    for part in parts:
        assert automaton.run(b"/" + part) == hits(of, b"/" + part), part


@settings(max_examples=200, deadline=None)
@given(GLOBS)
def test_the_automaton_is_the_smallest(of: list[Glob]) -> None:
    automaton = compile_globs(of)
    rows = table(automaton)
    classes = list(automaton.accepts)
    while True:
        seen: dict[tuple[int, ...], int] = {}
        split = [
            seen.setdefault((classes[state], *(classes[after] for after in row)), len(seen))
            for state, row in enumerate(rows)
        ]
        if len(seen) == len(set(classes)):
            break
        classes = split
    assert len(seen) == len(rows)
    reached = {0, automaton.start}
    waiting = [automaton.start]
    while waiting:
        found = set(rows[waiting.pop()]) - reached
        reached |= found
        waiting += found
    assert reached == set(range(len(rows)))


# -- what is in it


def test_rows_are_tables_of_next_states() -> None:
    automaton = compile_globs(globs("/a"))
    dead, start, slash, end = table(automaton)
    assert automaton.start == 1
    assert dead == end == [0] * 256
    assert start == [2 if byte == ord("/") else 0 for byte in range(256)]
    assert slash == [3 if byte == ord("a") else 0 for byte in range(256)]
    assert automaton.accepts == (0, 0, 0, 1)
    assert automaton.sets == (frozenset({0}),)
    assert automaton.rows[1][2 * ord("/") :][:2] == (2).to_bytes(2, sys.byteorder)


@pytest.mark.parametrize("of", [[], globs("a", "\\"), globs("/[/]", "/\ud800"), [Glob("/**", "a/b")], globs("/a{,")])
def test_what_matches_no_path_is_the_dead_state_alone(of: list[Glob]) -> None:
    assert compile_globs(of) == Automaton(0, (bytes(512),), (0,), ())


@pytest.mark.parametrize("pattern", ["/**", "/etc/*.conf", "/**/[^a]?", "**"])
def test_the_dead_state_is_left_by_nothing_and_alone(pattern: str) -> None:
    automaton = compile_globs(globs(pattern))
    rows = table(automaton)
    assert rows[0] == [0] * 256
    assert automaton.accepts[0] == 0
    live = {state for state, accepted in enumerate(automaton.accepts) if accepted}
    for _ in rows:
        live |= {state for state, row in enumerate(rows) if live.intersection(row)}
    assert live == set(range(1, len(rows)))


def test_only_paths_match() -> None:
    automaton = compile_globs(globs("**", "*", "a", ""))
    assert automaton.run(b"/") == {0}
    assert automaton.run(b"/a") == {0}
    for text in (b"", b"a", b"a/", b"\xff"):
        assert automaton.run(text) == frozenset()


def test_names_are_the_whole_last_component() -> None:
    of = [Glob("/usr/**", "sh"), Glob("/usr/bin/*", "sh"), Glob("/**"), Glob("/**", ""), Glob("/usr/*sh", "é")]
    automaton = compile_globs(of)
    expected: dict[bytes, set[int]] = {
        b"/usr/bin/sh": {0, 1, 2},
        b"/usr/sh": {0, 2},
        b"/usr/bin/bash": {2},
        b"/usr/bin/sh/": {2, 3},
        b"/usr/sh/sh": {0, 2},
        b"/bin/sh": {2},
        b"/": set(),
    }
    for path, indices in expected.items():
        assert automaton.run(path) == indices == hits(of, path)


def test_equal_globs_match_together() -> None:
    assert compile_globs(globs("/a", "/{a,b}", "/a")).sets == (frozenset({0, 1, 2}), frozenset({1}))


def test_stars_that_are_a_component_match_a_character() -> None:
    automaton = compile_globs(globs("/**", "/a/**/b", "/a/*"))
    assert automaton.run(b"/") == frozenset()
    assert automaton.run(b"/a/b") == {0, 2}
    assert automaton.run(b"/a/\xff/b") == {0, 1}
    assert automaton.run(b"/a/") == {0}


def test_one_character_may_be_many_bytes() -> None:
    automaton = compile_globs(globs("/?", "/[^a]", "/[à-ö]", "/??"))
    assert automaton.run("/é".encode()) == {0, 1, 2}
    assert automaton.run("/日".encode()) == automaton.run("/😀".encode()) == {0, 1}
    assert automaton.run(b"/\xc3") == automaton.run(b"/\xff") == {0, 1}
    assert automaton.run(b"/\xe6\x97") == automaton.run(b"/\xc0\xaf") == {3}
    assert automaton.run(b"/\xed\xa0\x80") == frozenset()


def test_equal_globs_give_equal_automata() -> None:
    of = [Glob(f"/{{usr,}}/**/{name}?", last) for name in PROGRAMS[:8] for last in (None, "é1")]
    first = compile_globs(of)
    assert first == compile_globs(list(of))
    backwards = compile_globs(of[::-1])
    assert backwards.rows == first.rows
    assert [{len(of) - 1 - index for index in found} for found in backwards.sets] == list(first.sets)


# -- sizes and bounds

USUAL = {
    "a suffix": (globs("/etc/*.conf"), 12),
    "a name anywhere": (globs("/**/x"), 6),
    "one character": (globs("/home/?/.ssh/**"), 25),
    "32 characters": (globs("/tmp/" + "?" * 32), 400),
    "names anywhere": (globs(*(f"/**/name_{number}" for number in range(100))), 120),
    "programs anywhere": (globs(*(f"/**/{name}" for name in PROGRAMS)), 150),
    "programs by name": ([Glob(where, name) for where in ("/usr/**", "/opt/*/bin/*") for name in PROGRAMS], 300),
    "suffixes": (globs(*(f"/**/*.{name}" for name in PROGRAMS)), 150),
    "libraries": (globs(*(f"/opt/app_{number}/*.so" for number in range(100))), 600),
    "files of applications": (
        globs(*(f"/{place}" for n in range(100) for place in (f"etc/app{n}/*.conf", f"var/lib/app{n}/**"))),
        1100,
    ),
    "folders of users": (globs(*(f"/{home}/.{n}/**" for home in ("home/*", "root") for n in PROGRAMS)), 400),
    # Libraries have names, too: what is 100 times as large knows of each which application it is of.
    "names anywhere and libraries": (
        globs(*(f"/{p}" for n in range(100) for p in (f"**/name_{n}", f"opt/app_{n}/*.so"))),
        12_000,
    ),
}


@pytest.mark.parametrize("what", USUAL)
def test_usual_patterns_are_small(what: str) -> None:
    of, most = USUAL[what]
    automaton = compile_globs(of)
    print(f"{what}: {len(of)} patterns, {len(automaton.rows)} states")
    assert len(automaton.rows) <= most
    assert compile_globs(of, len(automaton.rows)) == automaton


def texts(seed: int, count: int, size: int, alphabet: str) -> list[str]:
    chosen = random.Random(seed)  # noqa: S311  the same patterns in each run
    return ["".join(chosen.choices(alphabet, k=size)) for _ in range(count)]


HANZI = "".join(map(chr, range(0x4E00, 0x9E00)))
HOSTILE = {
    "stars": globs(*(f"/**/{chr(97 + n)}*b*c{n}*d*/**/?x" for n in range(30))),
    "anything inside": globs(*(f"/**/*{name}*" for name in PROGRAMS)),
    "anything below": globs(*(f"/**/{name}/**" for name in PROGRAMS)),
    "a window": globs(*("/*" + letter + "?" * 20 for letter in "abc")),
    "any order": globs(*("/*" + "*".join(text) for text in texts(1, 40, 10, "abcdefghij"))),
    "sets": globs("/**/" + "".join(f"[{text}]*" for text in texts(2, 40, 200, HANZI))),
    "characters": globs(*(f"/**/*{letter}*/?" for letter in HANZI[:300])),
    "empty braces": globs("/" + "{,a}" * 3000),
    "full braces": globs("/" + ("{" + ",".join(PROGRAMS) + "}") * 100),
    "one long pattern": globs("/" + "a" * 100_000),
    "long patterns": globs(*(f"/{text}" for text in texts(3, 5, 15_000, "ab"))),
    "a long mess": globs("/**/" + "?" * 16_000),
    "long names": [Glob("/" + "*a" * 4000, "a" * 255), Glob("/**/*" + "?" * 4000, "ab" * 120)] * 10,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_patterns_end_with_the_error(what: str) -> None:
    with ends(), pytest.raises(TooManyStatesError) as caught:
        compile_globs(HOSTILE[what])
    assert caught.value.reached > caught.value.bound
    assert str(caught.value.reached) in str(caught.value)
    assert f"more than {caught.value.bound}" in str(caught.value)


def test_what_can_be_small_is_not_refused() -> None:
    assert len(compile_globs(globs(*(f"/**/a*b*c*d*/**/?{chr(97 + n)}" for n in range(26)))).rows) < 60


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    with pytest.raises(TooManyStatesError):
        compile_globs(HOSTILE["anything inside"], 2000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 32 << 20


def test_the_bound_counts_all_states() -> None:
    of = globs("/etc/*.conf")
    size = len(compile_globs(of).rows)
    assert len(compile_globs(of, size).rows) == size
    with pytest.raises(TooManyStatesError, match=f"{size} states, more than {size - 1}") as caught:
        compile_globs(of, size - 1)
    assert (caught.value.reached, caught.value.bound) == (size, size - 1)
    assert len(compile_globs([], 1).rows) == 1
    with pytest.raises(TooManyStatesError, match="states before equal ones are merged, more than 8"):
        compile_globs(of, 2)


@pytest.mark.parametrize("most", [0, 65_537])
def test_states_must_fit_their_tables(most: int) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        compile_globs([], most)
    assert MOST_STATES <= 65_536
