"""What an untrusted repository, or an odd environment, must not be able to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hauberk.cli.output import github, markdown, text
from hauberk.cli.suppress import suppressions
from support import ends, hauberk
from support.policies import lint, policy, report, rules

READ_ONLY = "  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n"


def test_a_comment_inside_a_scalar_is_text() -> None:
    inside = policy('  message: "# hauberk: ignore[HB304] reason: x"\n' + READ_ONLY)
    assert "HB304" in rules(inside)
    assert "HB901" not in rules(inside)


def test_a_suppression_is_not_called_useless_where_its_rule_could_not_speak() -> None:
    pattern = "  action: Block\n  process:\n    matchPatterns:\n"
    pattern += "      # hauberk: ignore[HB208] reason: x\n      - pattern: /a*\n"
    assert "HB901" not in rules(policy(pattern), target="hauberk")
    other_files = "# hauberk: ignore[HB109] reason: x\n" + policy(READ_ONLY)
    assert "HB901" not in rules(other_files)
    broken = policy("  # hauberk: ignore[HB305] reason: x\n" + READ_ONLY) + "---\na: [\n"
    assert "HB901" not in rules(broken)


def test_thousands_of_suppressions_are_read_and_judged() -> None:
    comments = "# hauberk: ignore[HB305] reason: x\n" * 20_000
    with ends():
        assert len(suppressions(comments + "a: 1\n")) == 20_000
    found = report(comments[: len(comments) // 10] + policy(READ_ONLY))
    assert not found.errors
    assert sum(finding.rule == "HB901" for finding in found.findings) == 2000


def test_reports_cannot_steer_a_terminal_or_a_log() -> None:
    found = report(policy('  "zz\\e[31m\\u202e": 1\n' + READ_ONLY))
    for finding in found.findings:
        object.__setattr__(finding, "path", "x\n::warning file=a::injected .yaml")
    for rendered in (text.render(found, colour=False), github.render(found), markdown.render(found)):
        assert "\x1b" not in rendered
        assert "\u202e" not in rendered
        assert "\n::warning file=a::injected" not in rendered


def test_an_unreadable_file_is_exit_two_whatever_is_selected(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(policy(READ_ONLY))
    big = tmp_path / "big.yaml"
    with big.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    done = hauberk("lint", tmp_path, "--no-cache", "--select", "HB304")
    assert done.returncode == 2
    assert "big.yaml: is over 64 MiB" in done.stderr
    assert "HB304" in done.stdout


def test_unknown_rules_are_refused() -> None:
    done = hauberk("lint", "--select", "HB999", ".")
    assert done.returncode == 2
    assert "HB999: there is no such rule" in done.stderr


def test_a_commit_without_policies_is_no_error_for_the_hooks(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    assert hauberk("lint", tmp_path, "--no-cache").returncode == 2
    assert hauberk("lint", tmp_path, "--no-cache", "--allow-none").returncode == 0


def test_severity_holds_for_findings_about_suppressions(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(policy("  # hauberk: ignore[HB305] reason: x\n" + READ_ONLY))
    (tmp_path / "hauberk.yaml").write_text("severity: {HB901: error}\n")
    done = hauberk("lint", "p.yaml", "--no-cache", "--format", "json", cwd=tmp_path)
    assert {f["severity"] for f in json.loads(done.stdout)["findings"] if f["rule"] == "HB901"} == {"error"}


def test_findings_about_exceptions_follow_the_settings_as_they_are_now(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(policy(READ_ONLY))
    text = "exceptions:\n  - {rules: [HB305], reason: x}\n"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def line() -> tuple[str, int]:
        done = hauberk("lint", ".", "--format", "json", cwd=tmp_path, env=env)
        (found,) = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "HB901"]
        return found["path"], found["line"]

    (tmp_path / "hauberk.yaml").write_text(text)
    assert line() == ("hauberk.yaml", 2)
    (tmp_path / "hauberk.yaml").write_text("# a\n# b\n" + text)
    assert line() == ("hauberk.yaml", 4)


def test_a_reader_that_goes_away_is_no_finding(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(policy(READ_ONLY))
    command = f"{sys.executable} -m hauberk.cli.main rules HB304; true"
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0
    with subprocess.Popen([sys.executable, "-m", "hauberk.cli.main", "rules"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 130


def test_a_full_device_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "hauberk.cli.main", "rules"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_interrupt_ends_all_processes_without_a_traceback(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"{number}.yaml").write_text(policy(READ_ONLY * 1, name=f"p{number}"))
    command = [sys.executable, "-m", "hauberk.cli.main", "lint", str(tmp_path), "--no-cache", "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    # a signal that comes before Python has its handler ends it without a word
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 30
    while process.poll() is None and not children.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said
    assert process.returncode in (0, 130)


def test_a_pointer_that_leads_nowhere_is_the_nearest_parent() -> None:
    assert all(finding.position.line > 0 for finding in lint(policy("")))
