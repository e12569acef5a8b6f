"""The kernel's entries against those of the policies: what differs is named by what it means."""

from __future__ import annotations

import os

import pytest

from enforcer.made import image, number_of
from hauberk.enforcer.commands.dump import Comparison, compared
from hauberk.enforcer.kernel.hashing import Seed
from hauberk.enforcer.kernel.image import Cell, Header, Image, Place
from hauberk.enforcer.kernel.wire import SEED, Area, Flag, Kind, Side

OURS = Seed.of(os.urandom(SEED.size))
MADE = image(
    """
action: Block
file:
  matchPaths: [{path: /etc/shadow, fromSource: [{path: /bin/a}]}, {path: /etc/passwd, readOnly: true}]
  matchDirectories: [{dir: /etc/ssl/, recursive: true, action: Audit}]
  matchPatterns: [{pattern: "/tmp/*.sh"}]
process: {matchPaths: [{execname: ls}]}
"""
)
SHADOW = Place(Area.FILE, Kind.EXACT, (b"etc", b"shadow"), (b"bin", b"a"))
PASSWD = Place(Area.FILE, Kind.EXACT, (b"etc", b"passwd"))


def held(made: Image = MADE) -> dict[int, bytes]:
    return dict(made.entries(OURS, {Area.FILE: 3}))


def compare(entries: dict[int, bytes]) -> Comparison:
    return compared(MADE, entries, OURS)


def test_what_was_written_is_found() -> None:
    found = compare(held())
    assert (found.said, found.touched, found.automata) == ((), frozenset(), {Area.FILE: 3})


def test_an_entry_that_is_missing() -> None:
    entries = held()
    del entries[SHADOW.key(OURS)]
    found = compare(entries)
    assert found.said == ("file exact /etc/shadow from /bin/a: is missing",)
    assert found.touched == {number_of(MADE, "p0:file.matchPaths[0]")}


def test_an_entry_that_says_something_else() -> None:
    entries = held()
    number = number_of(MADE, "p0:file.matchPaths[1]")
    entries[PASSWD.key(OURS)] = Cell(passes=number).pack() + Cell(watch=1).pack()
    found = compare(entries)
    (said,) = found.said
    assert said == (
        "file exact /etc/passwd: passes by p0:file.matchPaths[1] (changes: reports set 1), "
        "not passes by p0:file.matchPaths[1] (changes: denies by p0:file.matchPaths[1])"
    )
    assert found.touched == {number}


def test_an_entry_that_nothing_explains() -> None:
    found = compare(held() | {5: bytes(64)})
    (said,) = found.said
    assert said.startswith("entry 0000000000000005 is explained by no rule: 0 0 0 0 0 0 0 0 | 0 ")
    assert found.touched == frozenset()


def test_a_header_with_other_flags() -> None:
    place = Place(Area.PROCESS, Kind.HEADER, 0)
    found = compare(held() | {place.key(OURS): Header(Flag.LISTED).pack(0)})
    (said,) = found.said
    assert said == "process header 0: flags LISTED, not NAMES|GUARDS"


def test_another_automaton_is_no_difference_of_entries() -> None:
    assert compared(MADE, dict(MADE.entries(OURS, {Area.FILE: 9})), OURS).automata == {Area.FILE: 9}


def test_a_kernel_that_holds_nothing() -> None:
    found = compare({})
    assert len(found.said) == len(MADE.headers) + len(MADE.cells)
    assert found.touched == set(range(1, len(MADE.rules) + 1))


@pytest.mark.parametrize("side", list(Side))
def test_any_bit_that_flips_is_told(side: Side) -> None:
    for place in MADE.cells:
        entries = held()
        value = bytearray(entries[place.key(OURS)])
        value[side * 32] ^= 1
        entries[place.key(OURS)] = bytes(value)
        assert len(compare(entries).said) == 1
