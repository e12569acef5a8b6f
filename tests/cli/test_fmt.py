"""`hauberk fmt`: order, indentation, comments; never the meaning."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hauberk.cli.commands.fmt import _comments, _policies, format_text
from support import hauberk, shared

BEFORE = """\
# head
kind: KubeArmorPolicy
apiVersion: security.kubearmor.com/v1
spec:
  action: Block   # why

  # about files
  file:
    matchDirectories:
    # the first
    - recursive: true  # all below
      # where
      dir: "/etc/x/"
    - {recursive: true, dir: /a/}
  selector:
      matchLabels: {app: x}
metadata:
  namespace: ns
  name: p
# tail
"""


def test_fields_move_with_their_comments() -> None:
    formatted = format_text(BEFORE)
    assert formatted is not None
    rows = [row.strip() for row in formatted.splitlines()]
    order = ["apiVersion: security.kubearmor.com/v1", "kind: KubeArmorPolicy", "metadata:", "name: p", "namespace: ns"]
    assert [row for row in rows if row in order] == order
    assert rows.index("# about files") + 1 == rows.index("file:")
    assert rows.index("# the first") + 1 == rows.index("# where")
    assert rows.index("# where") + 1 == rows.index('- dir: "/etc/x/"')
    assert any(row.startswith("recursive: true") and row.endswith("# all below") for row in rows)
    assert any(row.startswith("action: Block") and row.endswith("# why") for row in rows)
    assert rows[0] == "# head"
    assert format_text(formatted) == formatted


def test_what_holds_no_policy_is_left_alone(tmp_path: Path) -> None:
    text = "kind:   ConfigMap\napiVersion: v1\n"
    (tmp_path / "a.yaml").write_text(text)
    assert format_text(text) is None
    done = hauberk("fmt", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "a.yaml").read_text() == text


def test_check_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BEFORE)
    done = hauberk("fmt", "--check", "a.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "a.yaml: is not in canonical form\n")
    assert (tmp_path / "a.yaml").read_text() == BEFORE
    assert hauberk("fmt", "a.yaml", cwd=tmp_path).returncode == 0
    assert hauberk("fmt", "--check", "a.yaml", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("text", [BEFORE + "kind: KubeArmorPolicy\n", BEFORE + "a: [\n", BEFORE + "x: !own 1\n"])
def test_what_cannot_be_read_surely_is_left_and_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    done = hauberk("fmt", tmp_path)
    assert done.returncode == 2
    assert "left as it is" in done.stderr
    assert (tmp_path / "a.yaml").read_text() == text


def test_line_ends_and_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BEFORE.replace("\n", "\r\n").encode())
    assert hauberk("fmt", path).returncode == 0
    formatted = format_text(BEFORE)
    assert formatted is not None
    assert path.read_bytes() == b"\xef\xbb\xbf" + formatted.replace("\n", "\r\n").encode()
    assert hauberk("fmt", "--check", path).returncode == 0


def test_what_is_excluded_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    for name in ("a.yaml", "vendor/b.yaml"):
        (tmp_path / name).write_text(BEFORE)
    (tmp_path / "hauberk.yaml").write_text("exclude: [vendor]\n")
    done = hauberk("fmt", "--check", ".", cwd=tmp_path)
    assert done.stdout == "a.yaml: is not in canonical form\n"


@pytest.mark.corpus
def test_the_public_corpus_keeps_its_meaning_and_settles(tmp_path: Path) -> None:
    before, folder = shared("corpus", "policies"), tmp_path / "policies"
    shutil.copytree(before, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    hauberk("fmt", ".", cwd=folder)
    formatted = 0
    for path in sorted(folder.rglob("*.yaml")):
        old, new = (before / path.relative_to(folder)).read_text(), path.read_text()
        if old != new:
            formatted += 1
            assert _policies(old) == _policies(new)
            assert _comments(old) == _comments(new)
    assert formatted > 500
    again = hauberk("fmt", "--check", ".", cwd=folder)
    assert again.stdout == ""
    assert again.stderr.endswith(" unchanged\n")
