"""`hauberk test`: expectations that hold, that fail, that cannot run; coverage; formats; --watch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from hauberk.policy.policytest import schema
from support import ROOT, hauberk
from support.policies import policy

POLICY = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n      - path: /b\n")
TEST = """\
apiVersion: hauberk.dev/v1alpha1
kind: PolicyTest
metadata:
  name: one
spec:
  given: {{namespace: ns, labels: {{app: x}}}}
  expect:
    - {{read: /a, from: /bin/cat, verdict: {verdict}, reported: {reported}}}
"""


def write(folder: Path, *, verdict: str = "denied", reported: str = "p", more: str = "") -> Path:
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "test.yaml").write_text(TEST.format(verdict=verdict, reported=reported) + more)
    return folder


def test_the_examples_do_what_their_tests_say() -> None:
    done = hauberk("test", "examples", cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert " passed, 0 failed, 0 cannot run" in done.stdout
    # the one rule that no test reaches is the one that can never apply
    assert "examples/nginx/policy.yaml:25 only-allow-nginx-exec:file.matchDirectories[2]" in done.stdout
    assert "rules that decided no access of a test: 1 of " in done.stdout


def test_what_holds_and_what_no_test_reaches(tmp_path: Path) -> None:
    done = hauberk("test", ".", cwd=write(tmp_path))
    assert done.returncode == 0
    assert "1 of 2\n  policy.yaml:15 p:file.matchPaths[1]\n" in done.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verdict": "allowed"}, "denied by p:file.matchPaths[0], expected allowed"),
        ({"reported": "other"}, "reported: p, expected other"),
        ({"reported": "false"}, "reported: p, expected nothing"),
    ],
)
def test_what_does_not_hold_fails_with_what_was_said(tmp_path: Path, change: dict[str, str], said: str) -> None:
    done = hauberk("test", ".", cwd=write(tmp_path, **change))
    assert done.returncode == 1
    assert f"test.yaml:8 failed one (hauberk): read /a from /bin/cat: {said}" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    - {read: /a, write: /b, verdict: denied}\n", "test.yaml:9:"),
        ("    - {read: /a, verdict: perhaps}\n", "test.yaml:9:"),
        ("    - {connect: nosuch, verdict: denied}\n", "test.yaml:9:"),
    ],
)
def test_what_cannot_run_is_told_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    done = hauberk("test", ".", cwd=write(tmp_path, more=more))
    assert done.returncode == 2
    assert said in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unknown_workload_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    text = (
        (tmp_path / "test.yaml").read_text().replace("{namespace: ns, labels: {app: x}}", "{workload: Pod/ns/nosuch/x}")
    )
    (tmp_path / "test.yaml").write_text(text)
    done = hauberk("test", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "no such workload" in done.stdout


def test_a_broken_policy_is_not_overlooked(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "broken.yaml").write_text("kind: KubeArmorPolicy\na: [\n")
    done = hauberk("test", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "broken.yaml: cannot be read whole" in done.stdout


def test_no_tests_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = hauberk("test", tmp_path)
    assert done.returncode == 2
    assert "no PolicyTest" in done.stderr


def test_formats(tmp_path: Path) -> None:
    write(tmp_path, verdict="allowed")
    data = json.loads(hauberk("test", ".", "--format", "json", cwd=tmp_path).stdout)
    assert [one["model"] for one in data["checked"]] == ["hauberk", "kubearmor"]
    assert data["coverage"]["rules"] == 2
    hauberk("test", ".", "--format", "junit", "--output", "out.xml", cwd=tmp_path)
    root = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314  # our own text
    assert root.attrib["failures"] == "2"


def test_the_published_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_watch_runs_again_after_a_change(tmp_path: Path) -> None:
    write(tmp_path)
    command = [sys.executable, "-u", "-m", "hauberk.cli.main", "test", ".", "--watch"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        try:
            assert any("1 passed" in line or "2 passed" in line for line in lines)
            time.sleep(0.7)
            write(tmp_path, verdict="allowed")
            assert any("2 failed" in line for line in lines)
        finally:
            process.terminate()
