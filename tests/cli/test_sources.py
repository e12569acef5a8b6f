"""What is found below the paths of the command line, and what is read of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hauberk.cli import sources
from support import hauberk
from support.policies import policy

BAD = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")


def find(*paths: str | Path, exclude: tuple[str, ...] = ()) -> list[str]:
    return sources.find([str(path) for path in paths], markdown=False, exclude=exclude)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is the current folder, with `a/p.yaml`; beside it a file that is no business of anybody."""
    (tmp_path / "repo/a").mkdir(parents=True)
    (tmp_path / "repo/a/p.yaml").write_text(BAD)
    (tmp_path / "secret.yaml").write_text(BAD)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def test_each_file_is_taken_once_under_its_first_name(folder: Path) -> None:
    (folder / "a/z.yaml").symlink_to("p.yaml")
    assert find("a", folder / "a", "a/../a", "./a/p.yaml", "a/z.yaml") == ["a/p.yaml"]
    assert find("a/../a", "a") == ["a/../a/p.yaml"]
    found = json.loads(hauberk("lint", "a", folder / "a", "--no-cache", "--format", "json").stdout)["findings"]
    assert "HB109" not in {finding["rule"] for finding in found}


def test_links_out_of_the_folder_are_not_followed_unless_they_are_named(folder: Path) -> None:
    (folder / "x.yaml").symlink_to("../secret.yaml")
    (folder / "y.yaml").symlink_to("/dev/zero")
    (folder / "b").symlink_to("..")
    assert find(".") == ["a/p.yaml"]
    assert find("x.yaml") == ["x.yaml"]


def test_fixes_are_not_written_out_of_the_folder(folder: Path) -> None:
    outside = folder.parent / "secret.yaml"
    (folder / "x.yaml").symlink_to(outside)
    assert hauberk("lint", "--fix", "--unsafe-fixes", ".", "--no-cache").returncode == 0
    assert outside.read_text() == BAD
    assert (folder / "a/p.yaml").read_text() != BAD


def test_a_link_to_itself_hides_no_other_file(folder: Path) -> None:
    (folder / "l.yaml").symlink_to("l.yaml")
    assert find(".") == ["a/p.yaml", "l.yaml"]
    assert "symbolic links" in sources.read("l.yaml").trouble
    done = hauberk("lint", ".", "--no-cache")
    assert done.returncode != 3
    assert "a/p.yaml:" in done.stdout
    assert hauberk("fmt", "--check", ".").returncode == 2


def test_a_folder_that_cannot_be_listed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed").mkdir()
    scan = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root may list every folder
    assert find(".") == ["a/p.yaml", "closed"]
    assert sources.read("closed").trouble


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: Path(path).symlink_to("/dev/zero")])
def test_only_regular_files_are_read(folder: Path, make: Callable[[str], None]) -> None:
    make("odd.yaml")
    assert find(folder) == [f"{folder}/a/p.yaml"]
    assert sources.read("odd.yaml").trouble == "is not a regular file: not read"


def test_a_pipe_of_the_shell_is_read() -> None:
    out, into = os.pipe()
    os.write(into, b"a: 1\n")
    os.close(into)
    assert sources.read(f"/dev/fd/{out}").data == b"a: 1\n"
    os.close(out)


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github", "gitlab", "markdown"])
def test_a_name_that_is_not_utf8_is_shown_by_its_bytes(folder: Path, form: str) -> None:
    Path("a/p.yaml").rename(os.fsdecode(b"a/\xff\n.yaml"))
    done = hauberk("lint", ".", "--no-cache", "--format", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert "xff" in done.stdout
    assert sources.read(find(folder)[0]).path == rf"{folder}/a/\xff\x0a.yaml"


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_not_utf8_can_be_formatted_and_mended() -> None:
    Path("a/p.yaml").rename(os.fsdecode(b"a/\xff.yaml"))
    assert hauberk("fmt", ".").returncode == 0
    assert hauberk("lint", ".", "--no-cache", "--fix", "--unsafe-fixes").returncode == 0
    assert [os.fsencode(path) for path in Path("a").iterdir()] == [b"a/\xff.yaml"]
    assert b"readOnly" not in Path(os.fsdecode(b"a/\xff.yaml")).read_bytes()


def test_folders_may_be_nested_deeper_than_calls(folder: Path) -> None:
    here = Path.cwd()
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    Path("p.yaml").write_text("a: 1\n")
    os.chdir(here)
    try:
        assert len(find(folder)) == 2
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # pytest's own removal is recursive, and would fail


@pytest.mark.parametrize("pattern", ["a", "a/", "a/*", "./a/p.yaml", "*.yaml", "**/p.yaml"])
def test_a_glob_names_files_or_the_folders_above_them(folder: Path, pattern: str) -> None:
    assert find(".", folder, exclude=(pattern,)) == []
    assert find(".", exclude=("b/", "p", "../a")) == ["a/p.yaml"]


def test_ten_thousand_files_are_found(folder: Path) -> None:
    for number in range(100):
        (folder / f"f{number}").mkdir()
        for name in range(100):
            os.close(os.open(f"f{number}/{name}.yaml", os.O_CREAT))
    names = find(".", exclude=("vendor/",))
    read = [sources.read(name) for name in names]
    assert len(read) == 10_001
