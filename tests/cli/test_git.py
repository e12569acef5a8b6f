"""`--new-since`: the same file is known again, however it is spelled and whatever it was called."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hauberk.cli import git
from hauberk.cli.commands.lint import lint_paths
from hauberk.cli.commands.since import known_at
from hauberk.cli.finding import fingerprints
from hauberk.policy.problems import HauberkError
from support import hauberk
from support.policies import policy, request

BAD = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")


def run(*arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a repository with one commit."""
    folder = tmp_path / "r"
    (folder / "sub").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "sub/q.yaml").write_text(BAD)
    (folder / "pol.txt").write_text(BAD)
    monkeypatch.chdir(folder)
    run("init", "-q")
    run("add", ".")
    run("commit", "-qm", "one")
    return folder


def new(*paths: str | Path) -> int:
    """How many findings the last commit does not have."""
    named = [str(path) for path in paths]
    found = fingerprints(lint_paths(named, request()).findings)
    assert found
    return len(set(found) - set(known_at("HEAD", named, request())))


def test_a_file_is_known_however_it_is_spelled(repository: Path) -> None:
    (repository.parent / "link.yaml").symlink_to(repository / "sub/q.yaml")
    (repository.parent / "folder").symlink_to(repository)
    for name in (
        ".",
        "sub",
        repository,
        repository / "sub/q.yaml",
        "other/../sub/q.yaml",
        repository.parent / "link.yaml",
        repository.parent / "folder/sub",
        "pol.txt",
    ):
        assert new(name) == 0, name


def test_a_file_is_known_under_its_old_name(repository: Path) -> None:
    run("mv", "sub/q.yaml", "other/new.yaml")
    assert new("other") == 0
    assert new(repository / "other/new.yaml") == 0


def test_a_new_file_is_new(repository: Path) -> None:
    (repository / "sub/n.yaml").write_text(BAD.replace("name: p", "name: n"))
    assert new("sub") > 0


def test_standard_input_has_no_revision() -> None:
    done = hauberk("lint", "-", "--new-since", "HEAD", "--no-cache", given=BAD.encode())
    assert done.returncode == 2
    assert "standard input" in done.stderr


@pytest.mark.usefixtures("repository")
def test_a_file_elsewhere_has_no_revision(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(BAD)
    with pytest.raises(HauberkError, match="not in the git repository"):
        new(tmp_path / "p.yaml")


@pytest.mark.usefixtures("repository")
def test_only_what_is_wanted_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    original = git._run

    def listening(*arguments: str, given: bytes = b"") -> bytes:
        asked.extend(given.split())
        return original(*arguments, given=given)

    monkeypatch.setattr(git, "_run", listening)
    assert [name for name, _ in git.files_at("HEAD", lambda name: name.endswith(".yaml"))] == ["sub/q.yaml"]
    assert len(asked) == 1
