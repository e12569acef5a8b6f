"""Fixes edit the node's own place: every other byte stays, and a second run finds nothing more to do."""

from __future__ import annotations

import difflib
import json
import shutil
from pathlib import Path

import pytest

from hauberk.cli.commands.fix import mend
from hauberk.policy.documents import read
from support import hauberk, shared
from support.policies import policy, request


def mended(tmp_path: Path, text: str, *, unsafe: bool = False, **settings: object) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    result = mend([str(path)], request(**settings), unsafe=unsafe)
    return result[0][1] if result else text


def changed(before: str, after: str) -> list[str]:
    """Rows that went and came, with their sign."""
    rows = difflib.ndiff(before.splitlines(), after.splitlines())
    return [row[0] + row[2:] for row in rows if row[0] in "+-"]


FILE = "  action: Block\n  file:\n    "
PROGRAM = "  action: Block\n  process:\n    matchPaths:\n      - path: /a\n"


@pytest.mark.parametrize(
    ("spec", "rows"),
    [
        ("  action: allow # kept\n", ["-  action: allow # kept", "+  action: Allow # kept"]),
        ("  action: Block\n  # kept\n  tags: [x]\n  action: Block\n", ["-  action: Block"]),
        (FILE + "matchPaths: # kept\n", ["-    matchPaths: # kept", "+    matchPaths: [] # kept"]),
        (FILE + "matchPaths: ~\n", ["-    matchPaths: ~", "+    matchPaths: []"]),
        (
            "  action: Block\n  file:\n    matchPaths:\n      - path: '/etc//x' # kept\n",
            ["-      - path: '/etc//x' # kept", "+      - path: '/etc/x' # kept"],
        ),
        (
            FILE + "matchDirectories:\n      # x\n      - dir: /etc/x/\n        recurive: true\n",
            ["-        recurive: true", "+        recursive: true"],
        ),
        (
            PROGRAM + "        pts: true\n        # x\n        ownerOnly: true\n",
            ["-        pts: true"],
        ),
        (
            "  action: Block\n  file: {matchPaths: [{pts: true, path: /a/b}]}\n",
            ["-  file: {matchPaths: [{pts: true, path: /a/b}]}", "+  file: {matchPaths: [{path: /a/b}]}"],
        ),
        ("  file:\n    matchPaths:\n      - path: /a/b\n", ["+  action: Block"]),
    ],
)
def test_only_the_line_at_fault_changes(tmp_path: Path, spec: str, rows: list[str]) -> None:
    before = "# head\n" + policy(spec) + "# tail\n"
    after = mended(tmp_path, before)
    assert sorted(changed(before, after)) == sorted(rows)
    assert mended(tmp_path, after) == after


def test_what_cannot_be_removed_alone_stays(tmp_path: Path) -> None:
    text = policy("  action: Block\n  process:\n    matchPaths:\n      - pts: true # why\n        path: /a/b\n")
    after = mended(tmp_path, text)
    assert "# why" in after


def test_unsafe_fixes_are_made_only_when_asked(tmp_path: Path) -> None:
    text = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a/b\n        readOnly: true\n")
    assert mended(tmp_path, text) == text
    path = tmp_path / "alone.yaml"
    path.write_text(text)
    hauberk("lint", "--unsafe-fixes", path, "--no-cache")
    assert path.read_text() == text
    assert changed(text, mended(tmp_path, text, unsafe=True)) == ["-        readOnly: true"]


def test_of_rules_that_repeat_each_other_one_stays(tmp_path: Path) -> None:
    rows = "".join(f"      - path: /usr/bin/nc\n        message: {word}\n" for word in ("a", "a", "a"))
    text = policy(f"  action: Block\n  process:\n    matchPaths:\n      - path: /usr/bin/id\n{rows}")
    after = mended(tmp_path, text)
    assert after.count("/usr/bin/nc") == 1
    assert "/usr/bin/id" in after


def test_a_rule_that_decides_nothing_is_removed(tmp_path: Path) -> None:
    entry = "      - dir: /srv/\n        recursive: true\n"
    after = mended(tmp_path, policy(f"  action: Block\n  file:\n    matchDirectories:\n{entry}{entry}"))
    assert after.count("/srv/") == 1


def test_line_ends_and_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + policy("  action: allow\n").replace("\n", "\r\n").encode())
    done = hauberk("lint", "--fix", path, "--no-cache")
    assert "p.yaml: 1 fixed" in done.stderr
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n")
    assert b"action: Allow\r\n" in data


def test_standard_input_cannot_be_mended() -> None:
    assert hauberk("lint", "--fix", "-").returncode == 2


@pytest.mark.corpus
def test_the_public_corpus_changes_where_it_should_and_only_once(tmp_path: Path) -> None:
    before, folder = shared("corpus", "policies"), tmp_path / "policies"
    shutil.copytree(before, folder)
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    # what another file's fix makes redundant has no finding before that fix
    options = (".", "--no-cache", "--no-exact")
    listed = hauberk("lint", *options, "--format", "json", cwd=folder)
    wanted: dict[str, set[int]] = {}
    for finding in json.loads(listed.stdout)["findings"]:
        if finding["fix"] is not None and finding["fix"]["safety"] == "safe":
            for edit in finding["fix"]["edits"]:
                wanted.setdefault(finding["path"], set()).update(range(edit["line"], edit["endLine"] + 1))
    assert len(wanted) > 30
    hauberk("lint", "--fix", *options, cwd=folder)
    touched = 0
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        old, new = (before / name).read_text(), path.read_text()
        if old == new:
            continue
        touched += 1
        matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
        for tag, start, end, _, _ in matcher.get_opcodes():
            if tag != "equal":
                rows = set(range(start + 1, max(end, start + 1) + 1))
                assert rows <= {row for line in wanted[name] for row in (line - 1, line, line + 1)}, name
        assert not [problem for problem in read(new).problems if problem.kind == "yaml-syntax"], name
    assert touched == len(wanted)
    again = hauberk("lint", "--fix", *options, cwd=folder)
    assert "fixed" not in again.stderr
