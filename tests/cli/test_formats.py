"""Every output format, on findings of every form."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from hauberk.cli.finding import EngineError, Report, from_json
from hauberk.cli.output import github, gitlab, junit, markdown, sarif, text
from hauberk.cli.output import json as json_output
from support import missing
from support.policies import policy, report

SPEC = """\
  action: allow
  message: "a | b, <c> % d"
  file:
    matchPaths:
      - path: /etc//x
        pts: true
    matchDirectories:
      - dir: /
        recursive: true
"""


@pytest.fixture(scope="module")
def whole() -> Report:
    found = report(policy(SPEC), policy("  action: Block\n  file:\n    matchPaths:\n      - path: /etc//x\n"))
    assert found.findings
    assert any(finding.fix for finding in found.findings)
    found.errors.append(EngineError("f0.yaml", 3, "a rule ran out of fuel"))
    return found


def sarif_schema() -> dict[str, Any]:
    given = os.environ.get("HAUBERK_SARIF_SCHEMA", "")
    if not Path(given).is_file():
        missing("HAUBERK_SARIF_SCHEMA names no schema: run `make test`")
    schema: dict[str, Any] = json.loads(Path(given).read_text())
    return schema


def test_json_is_what_it_was_made_from(whole: Report) -> None:
    data = json.loads(json_output.render(whole))
    assert data["version"] == 1
    assert [from_json(value) for value in data["findings"]] == whole.findings
    keys = "rule severity message path line column endLine endColumn pointer policy model witness related fix"
    assert all(set(keys.split()) <= finding.keys() for finding in data["findings"])
    assert data["summary"]["engineErrors"] == 1


def test_sarif_is_valid_and_has_help_fingerprints_and_fixes(whole: Report) -> None:
    data = json.loads(sarif.render(whole))
    jsonschema.validate(data, sarif_schema())
    (run,) = data["runs"]
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}") for rule in run["tool"]["driver"]["rules"])
    prints = [result["partialFingerprints"]["hauberk/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints) == len(whole.findings)
    assert any(result.get("fixes") for result in run["results"])
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_of_a_clean_run_is_valid() -> None:
    jsonschema.validate(json.loads(sarif.render(Report())), sarif_schema())


def test_the_schema_check_can_fail() -> None:
    broken = json.loads(sarif.render(Report()))
    broken["runs"][0]["results"] = [{"level": "loud"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, sarif_schema())


def test_junit_counts(whole: Report) -> None:
    root = ET.fromstring(junit.render(whole).split("\n", 1)[1])  # noqa: S314  # our own text
    assert int(root.attrib["failures"]) == len(whole.findings) == len(root.findall(".//failure"))
    assert len(root.findall(".//error")) == 1
    assert 'tests="1"' in junit.render(Report())


def test_github_escapes_what_would_end_a_property(whole: Report) -> None:
    lines = github.render(whole).splitlines()
    assert len(lines) == len(whole.findings) + 1
    assert all(line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in lines)
    assert github.render(Report(errors=[EngineError("a,b:c", 1, "50%\nx")])) == (
        "::error file=a%2Cb%3Ac,line=1,title=engine error::50%25%0Ax\n"
    )


def test_gitlab_has_what_gitlab_asks_for(whole: Report) -> None:
    entries = json.loads(gitlab.render(whole))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    assert {entry["severity"] for entry in entries} <= {"info", "minor", "major", "critical", "blocker"}


def test_markdown_keeps_its_table(whole: Report) -> None:
    rows = [line for line in markdown.render(whole).splitlines() if line.startswith("| ") and "HB" in line]
    assert len(rows) == len(whole.findings)
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_an_engine_error_is_never_clean(whole: Report) -> None:
    only = Report(errors=whole.errors)
    assert "NO ANSWER" in text.render(only, colour=False)


def test_colour_is_only_there_when_asked(whole: Report) -> None:
    assert "\x1b[" in text.render(whole, colour=True)
    assert "\x1b[" not in text.render(whole, colour=False)
