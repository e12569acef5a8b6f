"""Where a report or a mended file is written, and what that does to what was there."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from hauberk.cli.files import write
from hauberk.policy.problems import HauberkError
from support import hauberk
from support.policies import policy

GOOD = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a/b\n")


def test_what_is_no_regular_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write(pipe, "text\n")
    reader.join(timeout=10)
    assert got == ["text\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "null").symlink_to("/dev/null")
    write(tmp_path / "null", "text\n")
    assert (tmp_path / "null").is_char_device()


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_by_its_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    done = hauberk("lint", "p.yaml", "--no-cache", "--format", "json", "--output", name, cwd=tmp_path)
    assert done.stdout.startswith("{")
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


def test_a_descriptor_of_the_shell_is_written_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as log:
        log.write("before\n")
        log.flush()
        write(f"/dev/fd/{log.fileno()}", "text\n")
    assert (tmp_path / "log").read_text() == "before\ntext\n"


def test_modes_and_links_stay_and_new_files_obey_the_umask(tmp_path: Path) -> None:
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "link"
    old.write_text("1")
    old.chmod(0o640)
    link.symlink_to("old")
    before = os.umask(0o077)
    try:
        write(link, "2")
        write(new, "3")
    finally:
        os.umask(before)
    assert (link.is_symlink(), old.read_text(), stat.S_IMODE(old.stat().st_mode)) == (True, "2", 0o640)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "new", "old"]


def test_what_cannot_be_written_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("loop", "none/x", "."):
        with pytest.raises(HauberkError, match="cannot be written"):
            write(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]
