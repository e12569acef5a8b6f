"""Every defect that others listed in the public corpus has its finding, with the right line."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from support import hauberk, shared

RULES = {
    "apiVersion-unexpected": {"HB105"},
    "crd-schema-violation": {"HB104", "HB210"},
    "duplicate-yaml-key": {"HB102"},
    "invalid-action": {"HB104"},
    "invalid-metadata-name": {"HB106", "HB104"},
    "invalid-yaml": {"HB101"},
    "no-spec": {"HB104", "HB103", "HB108"},
    # three of these cannot be parsed; in the fourth the name is a list
    "placeholder-spec": {"HB101", "HB106"},
    "unknown-field": {"HB103"},
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("oddities") / "findings.json"
    done = hauberk("lint", ".", "--no-cache", "--format", "json", "--output", out, cwd=shared("corpus", "policies"))
    assert done.returncode == 1, done.stderr
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for finding in json.loads(out.read_text())["findings"]:
        by_file["policies/" + finding["path"]].append(finding)
    return by_file


def pointer(detail: str) -> str:
    """`.spec.file.matchPaths[0].dir: ...` -> `/spec/file/matchPaths/0/dir`."""
    return re.sub(r"\[(\d+)\]", r"/\1", re.split(r"[: ]", detail)[0]).replace(".", "/")


@pytest.mark.corpus
def test_every_row_has_its_finding(findings: dict[str, list[dict[str, Any]]]) -> None:
    rows = list(csv.DictReader(shared("corpus", "oddities.csv").open()))
    assert len(rows) == 236
    for row in rows:
        found = [finding for finding in findings[row["file"]] if finding["rule"] in RULES[row["category"]]]
        if row["category"] in ("unknown-field", "crd-schema-violation"):
            place = pointer(row["detail"])
            # a missing field is told at its parent
            places = {place, place.rpartition("/")[0]} if "required" in row["detail"] else {place}
            found = [finding for finding in found if finding["pointer"] in places]
        assert found, row
        line = re.search(r"\(line (\d+)\)", row["detail"])
        if line:
            assert int(line[1]) in {finding["line"] for finding in found}, (row, found)


@pytest.mark.corpus
def test_lines_are_those_of_the_fields(findings: dict[str, list[dict[str, Any]]]) -> None:
    root = shared("corpus")
    for path, found in findings.items():
        rows = (root / path).read_text().splitlines()
        for finding in found:
            assert 1 <= finding["line"] <= len(rows) + 1, (path, finding)
            if finding["rule"] == "HB103":
                name = finding["pointer"].rpartition("/")[2].replace("~1", "/")
                assert rows[finding["line"] - 1][finding["column"] - 1 :].startswith(name), (path, finding)


@pytest.mark.corpus
def test_more_files_are_flagged_than_kubeconform_flags(findings: dict[str, list[dict[str, Any]]]) -> None:
    """kubeconform -strict finds 89 of the 96 odd files, and none of the 21 bad names."""
    rows = list(csv.DictReader(shared("corpus", "oddities.csv").open()))
    odd = {row["file"] for row in rows}
    document_rules = {
        path
        for path, found in findings.items()
        if any(f["rule"].startswith("HB1") or f["rule"] == "HB210" for f in found)
    }
    assert len(odd) == 96
    assert odd <= document_rules
    names = {row["file"] for row in rows if row["category"] == "invalid-metadata-name"}
    assert len(names) == 21


@pytest.mark.corpus
def test_names_of_paths_are_relative(findings: dict[str, list[dict[str, Any]]]) -> None:
    assert all(not Path(path).is_absolute() for path in findings)
