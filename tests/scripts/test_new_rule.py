"""`make new-rule` writes a rule that formats, checks, passes its tests and compiles, as it is."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from support import ROOT, opa


@pytest.mark.opa
def test_the_skeleton_is_a_rule(tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("new_rule", ROOT / "scripts/new_rule.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    shutil.copytree(ROOT / "rego/lib", tmp_path / "rego/lib")
    shutil.copy(ROOT / "rego/main.rego", tmp_path / "rego/main.rego")
    written = module.main("gaps", "some-name", "HB499", root=tmp_path)
    assert {path.name for path in written} == {"rule.rego", "rule_test.rego", "policy.yaml", "HB499.md"}
    for arguments in (("fmt", "--list", "--fail"), ("check", "--strict"), ("test",)):
        done = subprocess.run([opa(), *arguments, tmp_path / "rego"], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(SystemExit, match="exists already"):
        module.main("gaps", "some-name", "HB499", root=tmp_path)
