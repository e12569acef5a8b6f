"""`hauberk-enforcer test` up to where a kernel is needed: what is read, refused, and said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hauberk.enforcer.commands.test import Trials, Tried
from hauberk.enforcer.configured import posture_settings
from hauberk.enforcer.output.trials import as_json, as_text
from hauberk.policy.model import Report
from hauberk.policy.problems import HauberkError
from support.policies import policy

POLICY = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n")
TEST = """\
apiVersion: hauberk.dev/v1alpha1
kind: PolicyTest
metadata:
  name: one
spec:
  given: {namespace: ns, labels: {app: x}}
  expect:
    - {read: /a, from: /bin/cat, verdict: denied}
"""


def enforcer(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hauberk.enforcer.main", "test", ".", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"policy.yaml": POLICY}, "no PolicyTest in .: `hauberk schema test` says what one looks like"),
        ({"tests.yaml": TEST}, "no policy in .: name the folder that holds tests and policies"),
        ({"tests.yaml": TEST, "policy.yaml": "kind: [\n"}, "policy.yaml:2:1: "),
        ({"tests.yaml": TEST, "policy.yaml": POLICY.replace("action", "actoin")}, "policy.yaml:11:3: "),
        ({"tests.yaml": TEST, "policy.yaml": POLICY, "hauberk.yaml": "posture: {file: no}\n"}, "hauberk.yaml:1:17: "),
    ],
)
def test_mistakes(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = enforcer(tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_tests_that_nobody_can_ask(tmp_path: Path) -> None:
    """Nothing is left to be tried, and so no kernel is needed."""
    rules = "  action: Block\n  network:\n    matchDNSQueries:\n      - domain: x.org\n"
    (tmp_path / "policy.yaml").write_text(policy(rules))
    wrong = TEST.replace("verdict: denied", "verdict: maybe").replace("one", "two")
    missing = TEST.replace("{namespace: ns, labels: {app: x}}", "{workload: nosuch}").replace("one", "three")
    (tmp_path / "tests.yaml").write_text(f"{TEST}---\n{wrong}---\n{missing}")
    done = enforcer(tmp_path)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "cannot run tests.yaml:4:9: one: its policies cannot all be enforced:",
        "  policy.yaml:14:9: DNS queries are not enforced (HB607)",
    ]
    assert any(line.startswith("cannot run tests.yaml:17:") for line in lines), done.stdout
    assert any("nosuch: no such workload" in line for line in lines)
    assert lines[-1] == "0 passed, 0 failed, 3 cannot run"


def test_the_posture_of_hauberk_yaml(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert posture_settings(tmp_path / "below") == {}
    (tmp_path / "hauberk.yaml").write_text("posture: {file: block}\n")
    assert posture_settings(tmp_path / "below") == {"file": "block"}
    (tmp_path / "below/.git").mkdir()
    assert posture_settings(tmp_path / "below") == {}
    (tmp_path / "hauberk.yaml").write_text("posture: block\n")
    with pytest.raises(HauberkError, match=r"hauberk\.yaml:1:10: posture must be a mapping"):
        posture_settings(tmp_path)
    (tmp_path / "hauberk.yaml").write_text("failOn: error\n")
    assert posture_settings(tmp_path) == {}


def test_output() -> None:
    report = Report("p", "Block", "p:file.matchPaths[0]")
    good = Tried("one", "t.yaml", 8, "read /a", "denied", (report,), report.rule, "")
    bad = Tried("one", "t.yaml", 9, "read /b", "allowed", (), None, "allowed, expected denied")
    run = Trials([good, bad], ["t.yaml:10: one: resolve x.org: not run: why"])
    assert as_text(run).splitlines() == [
        "t.yaml:9 failed one: read /b: allowed, expected denied",
        "cannot run t.yaml:10: one: resolve x.org: not run: why",
        "1 passed, 1 failed, 1 cannot run",
    ]
    document = json.loads(as_json(run))
    assert document["version"] == 1
    assert document["checked"][0] == {
        "test": "one",
        "path": "t.yaml",
        "line": 8,
        "what": "read /a",
        "model": "hauberk",
        "verdict": "denied",
        "reports": [{"policy": "p", "action": "Block", "rule": report.rule}],
        "rule": report.rule,
        "wrong": "",
    }
    assert document["broken"] == run.broken
