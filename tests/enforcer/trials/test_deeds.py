"""Accesses become deeds, or say why nobody can do them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from hauberk.enforcer.trials.deeds import CAPABILITIES, Deed, deed_of
from hauberk.policy.model import Access
from hauberk.policy.tables import CAPABILITY_NAMES
from support import ROOT

ACTOR = ROOT / "enforcer/hauberk/enforcer/trials/actor.py"


def test_a_file_keeps_what_the_access_says() -> None:
    access = Access("read", "/a", source="/bin/cat", uid=1, owner_uid=2, tty=True)
    assert deed_of(access, "x") == Deed("read", "/a", source="/bin/cat", uid=1, owner=2, tty=True)


@pytest.mark.parametrize("how", ["rename", "link"])
def test_another_name_is_made_beside_the_first(how: str) -> None:
    deed = deed_of(Access("modify", "/a/b", how=how), ".aside")
    assert isinstance(deed, Deed)
    assert deed.second == "/a/.aside"
    deed = deed_of(Access("modify", "/b", how=how), ".aside")
    assert isinstance(deed, Deed)
    assert deed.second == "/.aside"


@pytest.mark.parametrize(
    ("kind", "protocol", "expected"),
    [("stream", 6, (2, 1, 6)), ("raw", 58, (2, 3, 58)), ("seqpacket", 0, (1, 5, 0)), ("packet", 0, (17, 10, 0))],
)
def test_sockets(kind: str, protocol: int, expected: tuple[int, int, int]) -> None:
    deed = deed_of(Access("network", type=kind, protocol=protocol), "x")
    assert isinstance(deed, Deed)
    assert (deed.family, deed.type, deed.protocol) == expected


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ({"op": "dns", "target": "example.org"}, "does not read DNS queries"),
        ({"op": "capability", "target": "sys_boot"}, "no system call within reach asks for sys_boot"),
        ({"op": "read", "target": "memfd:x"}, "has no name by which it could be opened"),
        ({"op": "exec", "target": "pipe:[1]"}, "has no name by which it could be opened"),
        ({"op": "read", "target": "/a", "uid": -1}, "uid -1 is no user"),
        ({"op": "read", "target": "/a", "owner_uid": 2**32 - 1}, "owner 4294967295 is no user"),
        ({"op": "read", "target": "/a" * 2048}, "longer than a system call takes"),
        ({"op": "read", "target": "/a", "source": "/a" * 2048}, "longer than a system call takes"),
        ({"op": "modify", "target": "/", "how": "delete"}, "the root of all names"),
    ],
)
def test_what_nobody_can_do(access: dict[str, Any], said: str) -> None:
    found = deed_of(Access(**access), "x")
    assert isinstance(found, str)
    assert said in found


def test_the_actor_knows_all_capabilities_that_are_said_to_be_within_reach() -> None:
    """It is a script of its own, which is read here and not run."""
    tables = [node for node in ast.walk(ast.parse(Path(ACTOR).read_text())) if isinstance(node, ast.AnnAssign)]
    table = next(node.value for node in tables if getattr(node.target, "id", "") == "CAPABILITIES")
    assert isinstance(table, ast.Dict)
    assert {key.value for key in table.keys if isinstance(key, ast.Constant)} == CAPABILITIES
    assert set(CAPABILITY_NAMES) >= CAPABILITIES
