"""A folder of policies that changes."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from enforcer.node.made import LS, policy
from hauberk.enforcer.node.folder import Folder

_tick = count(1)


def write(path: Path, *names: str) -> None:
    path.write_text("\n---\n".join(json.dumps(policy(LS, name).given.document) for name in names))
    # writes within one tick of the clock would else be told apart by their size only
    os.utime(path, ns=(0, next(_tick)))


def names(folder: Folder) -> list[str]:
    return [one.key.name for one in folder.policies()]


def test_files_come_change_and_go(tmp_path: Path) -> None:
    folder = Folder((str(tmp_path),))
    assert not folder.changed()
    write(tmp_path / "a.yaml", "one", "two")
    assert folder.changed()
    assert not folder.changed()
    assert names(folder) == ["one", "two"]
    write(tmp_path / "a.yaml", "one")
    write(tmp_path / "b.yaml", "three")
    assert folder.changed()
    assert names(folder) == ["one", "three"]
    (tmp_path / "a.yaml").unlink()
    assert folder.changed()
    assert names(folder) == ["three"]


def test_while_a_file_is_wrong_what_it_said_before_goes_on(tmp_path: Path) -> None:
    folder = Folder((str(tmp_path),))
    write(tmp_path / "a.yaml", "one")
    write(tmp_path / "b.yaml", "two")
    assert folder.changed()
    (tmp_path / "a.yaml").write_text("kind: [")
    assert folder.changed()
    assert names(folder) == ["one", "two"]
    [problem] = folder.problems()
    assert problem.startswith(f"{tmp_path}/a.yaml:1:")
    write(tmp_path / "a.yaml", "other")
    assert folder.changed()
    assert (names(folder), folder.problems()) == (["other", "two"], [])


def test_while_the_folder_is_away_what_was_in_it_goes_on(tmp_path: Path) -> None:
    there = tmp_path / "policies"
    there.mkdir()
    folder = Folder((str(there),))
    write(there / "a.yaml", "one")
    assert folder.changed()
    there.rename(tmp_path / "old")
    assert not folder.changed()
    assert names(folder) == ["one"]
    assert folder.problems() == [f"{there}: is not there"]
    there.mkdir()
    assert folder.changed()
    assert (names(folder), folder.problems()) == ([], [])


def test_a_folder_that_cannot_be_looked_at_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "policies")
    folder = Folder((str(link),))
    assert not folder.changed()
    assert (folder.was_read, folder.problems()) == (False, [f"{link}: is not there"])
    (tmp_path / "policies").mkdir()
    write(tmp_path / "policies/a.yaml", "one")
    assert folder.changed()
    assert folder.was_read
    real = os.scandir

    def broken(path: str) -> Any:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr(os, "scandir", broken)
    assert not folder.changed()
    assert (names(folder), folder.problems()) == (["one"], [f"{link}: Input/output error"])
    monkeypatch.setattr(os, "scandir", real)
    assert not folder.changed()
    assert folder.problems() == []


def test_what_an_earlier_daemon_enforced_goes_on_where_a_file_is_wrong_at_first_only(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("kind: [")
    earlier = replace(policy(LS, "one").given, file=str(tmp_path / "x/../a.yaml"))
    (tmp_path / "x").mkdir()
    folder = Folder((str(tmp_path),))
    assert [one.key.name for one in folder.earlier([earlier])] == ["one"]
    assert folder.changed()
    assert names(folder) == ["one"]
    file.unlink()
    assert folder.changed()
    assert names(folder) == []
    # another file of its name has nothing to do with it
    file.write_text("kind: [")
    assert folder.changed()
    assert names(folder) == []


def test_two_policies_of_one_name_are_told_and_the_first_counts(tmp_path: Path) -> None:
    folder = Folder((str(tmp_path),))
    write(tmp_path / "a.yaml", "one")
    write(tmp_path / "b.yaml", "one")
    assert folder.changed()
    assert names(folder) == ["one"]
    [problem] = folder.problems()
    assert "KubeArmorPolicy web/one is in" in problem


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = Folder((str(tmp_path),))
    (tmp_path / "a.yaml").symlink_to("/dev/zero")
    assert folder.changed()
    assert folder.problems() == [f"{tmp_path}/a.yaml: is not a regular file"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_by_name(tmp_path: Path, number: int) -> None:
    folder = Folder((str(tmp_path / "a.yaml"),))
    if number:
        write(tmp_path / "a.yaml", "one")
    assert folder.changed() is bool(number)
    assert bool(folder.problems()) is not bool(number)
    assert len(names(folder)) == number
