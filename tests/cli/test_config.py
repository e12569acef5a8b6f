from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hauberk.cli import config
from hauberk.cli.commands.lint import read_baseline
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
        ("posture: {files: audit}\n", "hauberk.yaml:1:11: unknown setting files: did you mean file?"),
        ("environments: {e: {namespace: {}}}\n", "unknown setting namespace: did you mean namespaces?"),
        ("environments: {e: {tags: {}}}\n", "unknown setting tags; known are namespaces, labels, posture, actions"),
        ("exceptions:\n  - rules: [HB304]\n", "hauberk.yaml:2:5:"),
        ("select: [HB3, HB9999]\n", "hauberk.yaml:1:15: HB9999: there is no such rule"),
        ("severity: {HB9999: error}\n", "hauberk.yaml:1:12: HB9999: there is no such rule"),
        ("exceptions:\n  - {rules: [HB999], reason: x}\n", "hauberk.yaml:2:14: HB999: there is no such rule"),
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


def test_an_exception_is_not_for_nothing_where_only_some_files_are_linted(tmp_path: Path) -> None:
    """A pre-commit hook gets the files of a commit."""
    for name in ("p.yaml", "other.yaml"):
        (tmp_path / name).write_text(BAD)
    (tmp_path / "hauberk.yaml").write_text("exceptions:\n  - {rules: [HB304], reason: x, paths: [other.yaml]}\n")
    done = hauberk("lint", "p.yaml", "--no-cache", "--format", "json", cwd=tmp_path)
    assert "HB901" not in {f["rule"] for f in json.loads(done.stdout)["findings"]}


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


def test_globs_are_relative_to_the_file_wherever_the_command_is_run(tmp_path: Path) -> None:
    inner = tmp_path / "[ex]"
    (inner / "vendor").mkdir(parents=True)
    (inner / "p.yaml").write_text(BAD)
    (inner / "vendor/q.yaml").write_text(BAD)
    text = "select: [HB304]\nexclude: [vendor/]\nexceptions:\n  - {rules: [HB304], reason: x, paths: ['[[]ex]/*']}\n"
    (tmp_path / "hauberk.yaml").write_text(text)
    for folder, name in ((tmp_path, "."), (inner, "."), (tmp_path.parent, str(tmp_path)), (inner, "p.yaml")):
        done = hauberk("lint", name, "--config", tmp_path / "hauberk.yaml", "--format", "json", cwd=folder)
        assert json.loads(done.stdout)["findings"] == [], (folder, name)


def test_answers_of_another_folder_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "ex").mkdir()
    text = "select: [HB304]\nexceptions:\n  - {rules: [HB304], reason: x, paths: ['ex/*']}\n"
    (tmp_path / "hauberk.yaml").write_text(text)
    counts: list[int] = []
    for folder in (tmp_path / "ex", tmp_path):
        (folder / "p.yaml").write_text(BAD)
        done = hauberk(
            *("lint", "p.yaml", "--format", "json"), cwd=folder, env={"XDG_CACHE_HOME": str(tmp_path / "cache")}
        )
        counts.append(len(json.loads(done.stdout)["findings"]))
    assert counts == [0, 1]


@pytest.mark.parametrize("key", ["rules", "baseline"])
def test_settings_name_nothing_but_regular_files_of_their_folder(tmp_path: Path, key: str) -> None:
    repository = tmp_path / "repo"
    (repository / "own").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (repository / "z.wasm").symlink_to("/dev/zero")
    (repository / "s.json").symlink_to("../secret")
    (repository / "own/x.rego").symlink_to("/dev/zero")
    os.mkfifo(repository / "pipe.json")
    for name in ("z.wasm", "s.json", "own", "../secret", "/etc/passwd"):
        with pytest.raises(HauberkError, match="is not below"):
            load(repository, f"{key}: {[name] if key == 'rules' else name}\n")
    with pytest.raises(HauberkError, match="not a regular file"):
        load(repository, f"{key}: {['pipe.json'] if key == 'rules' else 'pipe.json'}\n")
    with (repository / "large.json").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(HauberkError, match="over 64 MiB"):
        load(repository, f"{key}: {['large.json'] if key == 'rules' else 'large.json'}\n")


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "hauberk.yaml").mkdir()
    with pytest.raises(HauberkError, match="is not a regular file"):
        config.load(tmp_path / "hauberk.yaml")


@pytest.mark.parametrize("text", ['{"fingerprints": 5}', "[]", "[" * 100_000, "\udcff"])
def test_what_is_no_baseline_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(HauberkError, match="not a baseline"):
        read_baseline(tmp_path / "known.json")
