"""Conversations with actors: whatever ends one is told as the reason why nothing was done."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hauberk.enforcer.trials.actors import Actor, NotRunError, tools
from hauberk.policy.problems import HauberkError


@pytest.fixture
def entrance() -> Iterator[int]:
    fd = os.open(os.devnull, os.O_WRONLY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no place for it >&2; exit 3", "the actor ended before it answered: no place for it"),
        ("kill -9 $$", "the actor ended before it answered"),
        ('echo \'{"failed": "/a cannot be made: No space left on device"}\'', "/a cannot be made: No space"),
        ('read line; echo \'{"died": "was killed by signal 9"}\'', "the actor was killed by signal 9"),
    ],
)
def test_an_actor_that_does_not_act_is_told(
    script: str, said: str, entrance: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    actor = Actor(["/bin/sh", "-c", script, "sh"], {"entrance": entrance})
    try:
        with pytest.raises(NotRunError) as told:
            actor.ask({"target": "/a"})
        assert str(told.value).startswith(said)
    finally:
        actor.close()
    assert list(tmp_path.iterdir()) == []


def test_answers_come_one_at_a_time(entrance: int) -> None:
    actor = Actor(
        ["/bin/sh", "-c", 'read line; echo \'{"errno": 13}\'; echo \'{"died": ""}\'; read line', "sh"],
        {"entrance": entrance},
    )
    try:
        assert actor.ask()["errno"] == 13
        actor.ended()
    finally:
        actor.close()


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.enforcer.trials.actors._PATH", "")
    monkeypatch.setenv("PATH", "/nosuch")
    with pytest.raises(HauberkError, match="unshare, mount, pivot_root, umount: not found: install util-linux"):
        tools()
