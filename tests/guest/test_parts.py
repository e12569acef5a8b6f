"""Programs are loaded in parts, several at a time: all of them are at work, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.guest import Guest
from support.programs import INSIDE, OBJECT

pytestmark = pytest.mark.guest


def test_programs_that_are_loaded_in_parts(guest: Guest) -> None:
    guest.put("/t/parts.py", (INSIDE / "parts.py").read_bytes())
    found: dict[str, Any] = json.loads(guest.run(["python3", "/t/parts.py", OBJECT], timeout=600).checked())
    first, failed, again = found["first"], found["failed"], found["again"]

    # more than one thread had something to do, and each program was in one part
    assert len(found["parts"]) == 3
    assert sorted(name for part in found["parts"] for name in part) == first["attached"]
    assert {"hauberk_exec", "hauberk_open", "hauberk_rename"} <= set(first["attached"])
    assert len(set(first["programs"])) == len(first["attached"])

    # of a set of which one part cannot be loaded nothing is left, and the set before it is as it was
    assert found["said"] == "load the programs: Cannot allocate memory (ENOMEM)"
    assert failed == first
    assert first["beside"] == ["hauberk"]

    # a set in its place has the same programs, and those of the first one end
    assert again["attached"] == first["attached"]
    assert not set(again["programs"]) & set(first["programs"])
    assert found["left"] == []
