"""What docs/facts.md tells authors of rules to write and to run does what it says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support import ROOT, hauberk, opa
from support.policies import policy

PAGE = (ROOT / "docs/facts.md").read_text()
POLICY = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/srv.rego").write_text(PAGE.split("```rego\n", 1)[1].split("```", 1)[0])
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/policy.yaml").write_text(POLICY)
    return tmp_path


def outside_srv(folder: Path, *arguments: str) -> list[str]:
    done = hauberk("lint", "policies", "--no-cache", "--format", "json", *arguments, cwd=folder)
    assert done.returncode == 1, done.stderr
    return [found["message"] for found in json.loads(done.stdout)["findings"] if found["rule"] == "OURS-1"]


@pytest.mark.opa
def test_the_example_compiles_and_finds(folder: Path) -> None:
    subprocess.run([opa(), "check", "--strict", folder / "ours"], check=True)
    assert outside_srv(folder, "--rules", "ours", "--opa", str(opa())) == ["/a is outside /srv"]


@pytest.mark.opa
def test_the_commands_make_a_pack_that_runs(folder: Path) -> None:
    shown = next(block for block in PAGE.split("```console\n")[1:] if "opa build" in block).split("```", 1)[0]
    build, unpack, lint = shown.splitlines()
    assert lint == "$ hauberk lint --rules policy.wasm policies/"
    sources = hauberk("rules", "--sources").stdout.strip()
    build = build.removeprefix("$ opa ").replace("$(hauberk rules --sources)", sources).replace('"', "")
    subprocess.run([opa(), *build.split()], cwd=folder, check=True)
    subprocess.run(unpack.removeprefix("$ ").split(), cwd=folder, check=True, capture_output=True)
    assert outside_srv(folder, "--rules", "policy.wasm") == ["/a is outside /srv"]
