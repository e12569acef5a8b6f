from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hauberk.cli import config
from hauberk.policy.problems import HauberkError, Severity
from support import hauberk
from support.policies import policy

BAD = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")


def load(folder: Path, text: str) -> config.Config:
    (folder / "hauberk.yaml").write_text(text)
    return config.load(folder / "hauberk.yaml")


def test_settings_are_read(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "target: kubearmor\nfailOn: warning\nignore: [HB7]\nseverity: {HB304: error}\nposture: {file: block}\n",
    )
    assert found.targets == ("kubearmor",)
    assert found.fail_on is Severity.WARNING
    assert not found.wanted("HB701")
    assert found.wanted("HB304")
    assert found.severity["HB304"] == "error"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tagret: both\n", "hauberk.yaml:1:1: unknown setting tagret: did you mean target?"),
        ("target: both\nfailOn: never\n", "hauberk.yaml:2:9:"),
        ("exceptions:\n  - rules: [HB304]\n", "hauberk.yaml:2:5:"),
        ("target: [\n", "hauberk.yaml:2:1:"),
        ("a: 1\na: 2\n", "hauberk.yaml:2:1:"),
        ("exceptions:\n  - {rules: [HB304], reason: x, expires: 2026-13-01}\n", "2026-13-01 is not a date"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HauberkError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)


def test_a_mistake_ends_the_run_with_two_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "hauberk.yaml").write_text("tagret: both\n")
    (tmp_path / "p.yaml").write_text(BAD)
    done = hauberk("lint", "p.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean target?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_file_is_found_upwards_but_not_above_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "hauberk.yaml").write_text("target: hauberk\n")
    assert config.find(None, inner) == tmp_path / "hauberk.yaml"
    (tmp_path / "repo" / ".git").mkdir()
    assert config.find(None, inner) is None


def test_the_published_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(config.schema())


def lint(folder: Path, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    done = hauberk("lint", ".", "--no-cache", "--format", "json", *arguments, cwd=folder)
    data: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return data


def test_exceptions_need_a_reason_and_end(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(BAD)
    today = dt.datetime.now(tz=dt.UTC).date()
    text = "exceptions:\n  - {rules: [HB304], reason: accepted, expires: '%s', policies: ['ns/p']}\n"
    (tmp_path / "hauberk.yaml").write_text(text % today)
    assert {f["rule"] for f in lint(tmp_path)["findings"]} & {"HB304", "HB903", "HB901"} == set()
    (tmp_path / "hauberk.yaml").write_text(text % (today - dt.timedelta(days=1)))
    assert {f["rule"] for f in lint(tmp_path)["findings"]} >= {"HB304", "HB903"}


def test_an_exception_for_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(BAD)
    (tmp_path / "hauberk.yaml").write_text("exceptions:\n  - {rules: [HB304], reason: x, paths: [other.yaml]}\n")
    found = lint(tmp_path)["findings"]
    assert {f["rule"] for f in found} >= {"HB304", "HB901"}
    assert [(f["path"].endswith("hauberk.yaml"), f["line"]) for f in found if f["rule"] == "HB901"] == [(True, 2)]


def test_severity_is_overridden(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(BAD)
    (tmp_path / "hauberk.yaml").write_text("severity: {HB304: error}\nselect: [HB304]\n")
    assert [f["severity"] for f in lint(tmp_path)["findings"]] == ["error"]
    (tmp_path / "hauberk.yaml").write_text("severity: {HB304: 'off'}\nselect: [HB304]\n")
    assert lint(tmp_path)["findings"] == []


def test_posture_of_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(policy("  action: Allow\n  file:\n    matchPaths:\n      - path: /a\n"))
    assert "HB401" in {f["rule"] for f in lint(tmp_path)["findings"]}
    (tmp_path / "hauberk.yaml").write_text("posture: {file: block, network: block, capabilities: block}\n")
    assert "HB401" not in {f["rule"] for f in lint(tmp_path)["findings"]}
