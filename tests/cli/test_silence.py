"""Suppression comments, baselines, and comparison with an older revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from hauberk.cli.suppress import suppressions
from support import hauberk
from support.policies import lint, policy, rules

LINES = "  action: Block\n  file:\n    matchPaths:\n      - path: /a\n{above}        readOnly: true{beside}\n"


def text(*, above: str = "", beside: str = "") -> str:
    return policy(LINES.format(above=above, beside=beside))


def test_a_comment_on_the_line_or_above_it_silences() -> None:
    assert "HB304" in rules(text())
    assert "HB304" not in rules(text(beside="  # hauberk: ignore[HB304] reason: it is read by all"))
    assert "HB304" not in rules(text(above="        # hauberk: ignore[HB304, HB701] reason: so\n"))


def test_a_comment_silences_only_its_rule_and_line() -> None:
    assert "HB304" in rules(text(beside="  # hauberk: ignore[HB305] reason: x"))
    assert "HB304" in rules("# hauberk: ignore[HB304] reason: x\n" + text())


def test_a_comment_without_reason_silences_nothing_and_is_told() -> None:
    found = rules(text(beside="  # hauberk: ignore[HB304]"))
    assert {"HB304", "HB902"} <= set(found)


def test_a_comment_that_silences_nothing_is_told() -> None:
    findings = lint(text(beside="  # hauberk: ignore[HB304, HB305] reason: x"))
    (unused,) = [finding for finding in findings if finding.rule == "HB901"]
    assert "HB305" in unused.message
    assert unused.position.line == 15


def test_a_rule_that_was_not_run_is_not_called_useless() -> None:
    beside = "  # hauberk: ignore[HB304] reason: x"
    assert "HB901" not in rules(text(beside=beside), ignore=("HB304",))


def test_forms_of_the_comment() -> None:
    (one,) = suppressions("a: 1\n\n  #hauberk:ignore[hb304]   reason:  why # not \n# more\n\nb: 2\n")
    assert (one.ids, one.reason, one.line) == (("HB304",), "why # not", 6)
    assert suppressions("# hauberk: ignore HB304\n") == []


def test_baseline_keeps_known_findings_away(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text())
    assert hauberk("lint", ".", "--no-cache", "--write-baseline", "known.json", cwd=tmp_path).returncode == 0
    done = hauberk("lint", ".", "--no-cache", "--baseline", "known.json", "--fail-on", "info", cwd=tmp_path)
    assert (done.returncode, "known and not shown" in done.stdout) == (0, True)
    # moved lines are the same findings; a second one of the same kind is new
    (tmp_path / "p.yaml").write_text("# moved\n\n" + text())
    assert (
        hauberk("lint", ".", "--no-cache", "--baseline", "known.json", "--fail-on", "info", cwd=tmp_path).returncode
        == 0
    )
    (tmp_path / "p.yaml").write_text(text() + "      - path: /b\n        readOnly: true\n")
    done = hauberk("lint", ".", "--no-cache", "--baseline", "known.json", "--format", "json", cwd=tmp_path)
    assert [f["rule"] for f in json.loads(done.stdout)["findings"] if f["rule"] == "HB304"] == ["HB304"]


def test_a_broken_baseline_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text())
    (tmp_path / "known.json").write_text("{}")
    done = hauberk("lint", ".", "--no-cache", "--baseline", "known.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "not a baseline" in done.stderr


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_new_since_shows_only_what_a_revision_lacks(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/p.yaml").write_text(text())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    base = ("lint", "--no-cache", "--format", "json", "--new-since", "HEAD", "--select", "HB304")
    assert json.loads(hauberk(*base, "sub", cwd=tmp_path).stdout)["findings"] == []
    (tmp_path / "sub/p.yaml").write_text(text() + "      - path: /b\n        readOnly: true\n")
    for where, folder in (("sub", tmp_path), (".", tmp_path), (".", tmp_path / "sub")):
        (new,) = json.loads(hauberk(*base, where, cwd=folder).stdout)["findings"]
        assert new["line"] == 17
    done = hauberk("lint", ".", "--new-since", "nosuch", cwd=tmp_path)
    assert done.returncode == 2
    assert "no such revision" in done.stderr
