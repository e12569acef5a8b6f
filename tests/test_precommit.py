"""`pre-commit try-repo` on our hooks: a real pre-commit installs this checkout and runs it on a repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import snapshot
from support.policies import policy

BAD = policy("  action: allow\n  process:\n    matchPaths:\n      - path: /usr/bin/cd\n")


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_try_repo(tmp_path: Path) -> None:
    hooks, repository = snapshot(tmp_path / "hooks"), tmp_path / "repository"
    git(hooks, "init", "-q")
    git(hooks, "add", "-A")
    git(hooks, "commit", "-qm", "snapshot")
    repository.mkdir()
    git(repository, "init", "-q")
    (repository / "policy.yaml").write_text(BAD)
    git(repository, "add", ".")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    # pre-commit unsets it by itself only when it runs as a hook
    environment.pop("GIT_DIR", None)

    def hook(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), name, "--all-files", "--verbose"]
        return subprocess.run(command, cwd=repository, env=environment, check=False, capture_output=True, text=True)

    linted = hook("hauberk-lint")
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert "policy.yaml:14:15 error HB203 builtin" in linted.stdout
    fixed = hook("hauberk-fix")
    assert "files were modified by this hook" in fixed.stdout
    assert "action: Allow" in (repository / "policy.yaml").read_text()
    for path in ("/etc/shadow", "/etc/hosts"):
        text = policy(f"  action: Block\n  file:\n    matchPaths:\n      - path: {path}\n")
        (repository / "policy.yaml").write_text(text)
        git(repository, "commit", "-qam", path)
    arguments = ("--hook-stage", "pre-push", "--from-ref", "HEAD~1", "--to-ref", "HEAD", "--verbose")
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), "hauberk-diff", *arguments]
    done = subprocess.run(command, cwd=repository, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "widened read: /usr/bin/other reads /etc/shadow" in done.stdout
