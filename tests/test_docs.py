"""What the documents show is what the program does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from hauberk.cli.catalogue import catalogue
from hauberk.cli.config import load
from support import ROOT, hauberk


def test_the_transcript_of_the_readme_is_real() -> None:
    readme = (ROOT / "README.md").read_text()
    command = "$ hauberk lint examples/nginx/policy.yaml\n"
    shown = readme.split(command, 1)[1].split("```", 1)[0]
    assert hauberk("lint", "examples/nginx/policy.yaml", "--no-cache", cwd=ROOT).stdout == shown


def test_the_comparisons_of_the_readme_are_real(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    text = (ROOT / "examples/nginx/policy.yaml").read_text()
    (tmp_path / "before.yaml").write_text(text.replace("namespace: default", "namespace: web"))
    command = ("diff", "--from", "before.yaml", "--to", "examples/nginx/corrected")
    shown = readme.split(f"$ hauberk {' '.join(command)}\n", 1)[1].split("```", 1)[0]
    assert hauberk(*command, cwd=tmp_path).stdout == shown
    assert hauberk(*command, "--format", "markdown", cwd=tmp_path).stdout in readme


def test_the_number_of_rules_is_current() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        numbers = re.findall(r"\b(\d+) rules(?: over|\]\(docs)", (ROOT / name).read_text())
        assert numbers
        assert set(numbers) == {str(len(catalogue()))}, name


def test_the_settings_of_the_documentation_are_valid(tmp_path: Path) -> None:
    block = (ROOT / "docs/configuration.md").read_text().split("```yaml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "hauberk.yaml").write_text(block)
    assert load(tmp_path / "hauberk.yaml").exceptions[0].reason


def test_the_fields_of_the_facts_page_exist() -> None:
    page = (ROOT / "docs/facts.md").read_text()
    for field in re.findall(r"^\* `(\w+)`", page, re.MULTILINE):
        schema = yaml.safe_load((ROOT / "policy/hauberk/policy/schemas/facts.json").read_text())
        assert field in schema["properties"], field


def test_every_relative_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
