"""The rules' own unit tests, compiled by OPA and run by the engine that users have."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from hauberk.cli.engine.wasm import WasmEngine
from support import ROOT, opa

REGO = ROOT / "rego"


@pytest.mark.opa
def test_every_unit_test_passes_in_wasm(tmp_path: Path) -> None:
    names: list[str] = []
    for source in sorted(REGO.rglob("*_test.rego")):
        text = source.read_text()
        package = next(line.split()[1] for line in text.splitlines() if line.startswith("package "))
        names += [f"data.{package}.{name}" for name in re.findall(r"^(test_\w+) if", text, re.MULTILINE)]
    assert len(names) > 200
    # a test that is undefined has failed: the array holds the names of those that hold
    rules = "\n".join(f'passed contains "{name}" if {name}' for name in names)
    (tmp_path / "all.rego").write_text(f"package hauberk\n\n{rules}\n\nviolations := [name | some name in passed]\n")
    bundle = tmp_path / "tests.tar.gz"
    sources = [path for path in REGO.rglob("*.rego") if path.name != "main.rego"]
    command = [opa(), "build", "-t", "wasm", "-e", "hauberk/violations", "-o", bundle, tmp_path / "all.rego", *sources]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(bundle.read_bytes())) as archive:
        member = archive.extractfile("/policy.wasm")
        assert member is not None
        (tmp_path / "tests.wasm").write_bytes(member.read())
    answer = WasmEngine(tmp_path / "tests.wasm").one(b"{}")
    assert isinstance(answer, list)
    assert sorted(set(names) - {str(name) for name in answer}) == []
