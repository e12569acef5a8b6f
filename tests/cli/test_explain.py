"""`hauberk explain`: the verdict is that of decide, and every change it offers was tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import ROOT, hauberk
from support.policies import policy

SEED = ROOT / "examples/nginx"


def explain(*arguments: str | Path) -> dict[str, Any]:
    done = hauberk("explain", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_seed_does_not_deny_what_it_seems_to_deny() -> None:
    answer = explain(SEED / "policy.yaml", "--exec", "/usr/bin/ls", "--from", "/usr/bin/bash")
    assert answer["models"]["hauberk"]["verdict"] == answer["models"]["kubearmor"]["verdict"] == "allowed"
    assert "posture is audit" in answer["models"]["hauberk"]["end"]
    assert "posture block instead of audit" in answer["changes"]


def test_the_corrected_policy_denies_it() -> None:
    answer = explain(SEED / "corrected", "--exec", "/usr/bin/ls", "--from", "/usr/bin/bash")
    assert answer["models"]["hauberk"]["verdict"] == answer["models"]["kubearmor"]["verdict"] == "denied"
    answer = explain(SEED / "corrected", "--read", "/etc/nginx/nginx.conf", "--from", "/usr/bin/bash")
    hauberk_model = answer["models"]["hauberk"]
    assert hauberk_model["rule"] == "nginx-configuration:file.matchDirectories[0]"
    path, _, line = hauberk_model["place"].rpartition(":")
    assert Path(path).read_text().splitlines()[int(line) - 1].strip() == "- dir: /etc/nginx/"


def test_the_text_names_rule_place_and_changes() -> None:
    done = hauberk(
        "explain", "examples/nginx/corrected", "--write", "/etc/nginx/x", "--from", "/usr/sbin/nginx", cwd=ROOT
    )
    assert "hauberk: denied by nginx-configuration:file.matchDirectories[1] (examples/nginx/corrected/" in done.stdout
    assert "1. Block readOnly dir /etc/nginx/ recursive" in done.stdout
    assert "what would change it:" in done.stdout
    assert "\x1b" not in done.stdout


def test_offered_changes_change_the_verdict(tmp_path: Path) -> None:
    """The rule that explain offers, written into a policy, gives the other verdict."""
    text = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n")
    (tmp_path / "a.yaml").write_text(text)
    question = ("--read", "/etc/shadow", "--from", "/bin/login")
    before = explain(tmp_path, *question)
    assert before["models"]["hauberk"]["verdict"] == "denied"
    assert "add file.matchPaths: path /etc/shadow fromSource /bin/login, action Allow" in before["changes"]
    offered = "  file:\n    matchPaths:\n      - path: /etc/shadow\n        fromSource:\n          - path: /bin/login\n"
    (tmp_path / "b.yaml").write_text(policy("  action: Allow\n" + offered, name="q"))
    assert explain(tmp_path, *question)["models"]["hauberk"]["verdict"] == "allowed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give one of --exec"),
        (("--exec", "/a", "--read", "/b"), "not several"),
        (("--modify", "/a", "--how", "burn"), "give one of create"),
        (("--read", "/a", "--posture", "deny"), "give audit or block"),
        (("--read", "/a", "--workload", "nosuch"), "no such workload"),
    ],
)
def test_bad_usage_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = hauberk("explain", SEED / "policy.yaml", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_several_workloads_are_listed() -> None:
    done = hauberk("explain", ROOT / "examples", "--read", "/a")
    assert done.returncode == 2
    assert "Deployment/web/nginx/nginx" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--read", "/etc/nginx/"), "give /etc/nginx"),
        (("--write", "/etc/nginx/../passwd"), "give /etc/passwd"),
        (("--exec", "nginx"), "from the root"),
        (("--read", "/etc/passwd", "--from", "bash"), "--from bash"),
        (("--capability", "net_row"), "did you mean net_raw?"),
    ],
)
def test_what_no_kernel_shows_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = hauberk("explain", ROOT / "examples/nginx/corrected", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_names_of_capabilities_and_of_what_has_no_path() -> None:
    for arguments in (("--capability", "CAP_NET_RAW"), ("--exec", "memfd:x")):
        assert hauberk("explain", ROOT / "examples/nginx/corrected", *arguments).returncode == 0
