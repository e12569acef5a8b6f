"""The CI files in `examples/ci`: their steps as plain shell, in a repository with a change.

What installs Hauberk is left out, and the programs that write the comment (gh, curl) are stand-ins that keep what they
are given: their servers cannot run here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT, hauberk
from support.policies import policy

CI = ROOT / "examples/ci"
BLOCKS = "  file:\n    matchPaths:\n      - path: /etc/shadow\n      - path: /etc/gshadow\n  action: Block\n"
ALLOWS = BLOCKS.replace("      - path: /etc/gshadow\n", "")


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout.strip()


def save(repository: Path, text: str) -> str:
    (repository / "policies").mkdir(exist_ok=True)
    (repository / "policies/policy.yaml").write_text(text)
    done = hauberk(
        "render", "policies", "--out", "rendered", "--layout", "flux", "--allow-findings", "HB4", cwd=repository
    )
    assert done.returncode == 0, done.stderr
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "policies")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    found = tmp_path / "repository"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch=main")
    return found


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`hauberk`, and stand-ins for what talks to a forge: they keep their arguments and what they read."""
    found = tmp_path / "bin"
    found.mkdir()
    scripts = {"hauberk": f'exec {sys.executable} -m hauberk.cli.main "$@"\n'}
    for name in ("gh", "curl"):
        scripts[name] = f'echo "$@" >{tmp_path}/{name}.arguments\n[ "{name}" = gh ] || cat >{tmp_path}/{name}.given\n'
    for name, text in scripts.items():
        (found / name).write_text(f"#!/bin/sh\n{text}")
        (found / name).chmod(0o755)
    return found


def run(step: str, repository: Path, programs: Path, **variables: str) -> int:
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", **variables}
    return subprocess.run(["bash", "-e", "-c", step], cwd=repository, env=environment, check=False).returncode


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_github(repository: Path, programs: Path, tmp_path: Path) -> None:
    base = save(repository, policy(BLOCKS))
    save(repository, policy(ALLOWS))
    steps = load(CI / "github/policies.yml")["jobs"]["policies"]["steps"]
    shell = {step["name"]: step["run"] for step in steps if "run" in step}
    variables = {"BASE": base, "NUMBER": "7"}
    codes = {name: run(text, repository, programs, **variables) for name, text in shell.items() if name != "install"}
    assert codes == {"lint": 0, "rendered": 0, "diff": 1, "comment": 0}
    assert (tmp_path / "gh.arguments").read_text().startswith("pr comment 7 ")
    assert "**widened**" in (repository / "diff.md").read_text()
    kustomization = repository / "rendered/kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "# edited\n")
    assert run(shell["rendered"], repository, programs) == 1


def test_gitlab(repository: Path, programs: Path, tmp_path: Path) -> None:
    base = save(repository, policy(BLOCKS))
    save(repository, policy(ALLOWS))
    job = load(CI / "gitlab/policies.yml")["policies"]
    variables = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_API_V4_URL": "https://gitlab.example.org/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "7",
        "HAUBERK_TOKEN": "not-a-secret",
    }
    script = "\n".join(job["script"])
    assert run(script, repository, programs, **variables) == 1
    assert run("\n".join(job["after_script"]), repository, programs, **variables) == 0
    arguments = (tmp_path / "curl.arguments").read_text()
    assert "body@diff.md https://gitlab.example.org/api/v4/projects/1/merge_requests/7/notes" in arguments
    # the token stands on no command line
    assert "not-a-secret" not in arguments
    assert (tmp_path / "curl.given").read_text() == 'header = "PRIVATE-TOKEN:not-a-secret"'
    assert (repository / "gl-code-quality-report.json").exists()
    # what lint refuses is compared, too
    (repository / "diff.md").unlink()
    text = (repository / "policies/policy.yaml").read_text()
    (repository / "policies/policy.yaml").write_text(text.replace("path: /etc", "pth: /etc"))
    assert run(script, repository, programs, **variables) != 0
    assert (repository / "diff.md").exists()
