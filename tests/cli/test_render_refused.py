"""What `hauberk render` refuses, and says about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support import ROOT, hauberk
from support.rendering import CLEAN, done


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(CLEAN)
    return folder


def test_errors_of_lint_are_refused_until_they_are_named(tmp_path: Path) -> None:
    source = ROOT / "examples/nginx/policy.yaml"
    said = done(source, "--out", tmp_path / "out", code=2).stderr
    assert "policy.yaml:28:19: HB203 cd is a shell builtin" in said
    assert "--allow-findings HB203,HB413" in said
    said = done(source, "--out", tmp_path / "out", "--allow-findings", "HB203", code=2).stderr
    assert "HB413" in said
    assert not (tmp_path / "out").exists()
    done(source, "--out", tmp_path / "out", "--allow-findings", "HB203,HB413")
    assert "there is no such rule" in done(source, "--stdout", "--allow-findings", "HB999", code=2).stderr


def test_a_baseline_does_not_let_errors_pass_but_a_reason_does(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples/nginx/policy.yaml", tmp_path)
    hauberk("lint", "--write-baseline", "known.json", "policy.yaml", cwd=tmp_path)
    (tmp_path / "hauberk.yaml").write_text("baseline: known.json\n")
    done("policy.yaml", "--out", "out", code=2, cwd=tmp_path)
    (tmp_path / "hauberk.yaml").write_text("exceptions:\n  - {rules: [HB203, HB413], reason: as an example}\n")
    done("policy.yaml", "--out", "out", cwd=tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CLEAN + "---\na: [\n", "a.yaml:"),
        (
            CLEAN.replace("namespace: ns\n", "") + "---\n" + CLEAN.replace("namespace: ns", "namespace: default"),
            "is in",
        ),
        (CLEAN.replace("name: shadow", "name: ../../x"), "HB10"),
        ("a: 1\n", "no policy in"),
    ],
)
def test_input_that_no_cluster_would_take(policies: Path, text: str, said: str) -> None:
    (policies / "a.yaml").write_text(text)
    assert said in done(policies, "--out", policies / "out", code=2).stderr
    assert not (policies / "out").exists()


def test_names_never_lead_out_of_the_folder(policies: Path) -> None:
    ids = ["--allow-findings", "HB101,HB102,HB103,HB104,HB105,HB106,HB107,HB108,HB109,HB5"]
    for name in ("../../x", "/etc/x", "a/b", ".", "..", "A", "x\\n", ""):
        (policies / "a.yaml").write_text(CLEAN.replace("name: shadow", f'name: "{name}"'))
        said = done(policies, "--out", policies.parent / "out", *ids, code=2).stderr
        assert "a.yaml:1:1: " in said
        assert not (policies.parent / "out").exists()


def test_what_the_api_server_refuses_cannot_be_allowed(policies: Path) -> None:
    (policies / "a.yaml").write_text(CLEAN.replace("  namespace: ns\n", "  namespace: ns\n  labels: {a: 1.5}\n"))
    said = done(policies, "--stdout", "--allow-findings", "HB104", code=2).stderr
    assert "a.yaml:6:15: metadata.labels.a must be of type string" in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "  namespace: ns\n",
            "  namespace: ns\n  labels: [a]\n",
            "a.yaml:6:11: metadata.labels must be of type object",
        ),
        ("apiVersion: security.kubearmor.com/v1\n", "", "apiVersion is missing"),
        ("kubearmor.com/v1\n", "kubearmor.com/v2\n", "a.yaml:1:13: apiVersion is "),
        ("  namespace: ns\n", "  namespace: ns\n  annotations: {a: 1}\n", "metadata.annotations.a must be of type str"),
        ("  severity: 5\n", "  severity: 0\n", "a.yaml:10:13: spec.severity"),
    ],
)
def test_what_the_canonical_form_leaves_out_is_refused_too(policies: Path, before: str, after: str, said: str) -> None:
    assert CLEAN.count(before) == 1
    (policies / "a.yaml").write_text(CLEAN.replace(before, after))
    ids = ["--allow-findings", "HB101,HB102,HB103,HB104,HB105,HB106,HB107"]
    shown = done(policies, "--stdout", *ids, code=2).stderr
    assert said in shown
    assert "the API server refuses that: mend it" in shown


@pytest.mark.parametrize("namespace", ["5", "[a]", "{a: b}", "false"])
@pytest.mark.parametrize("settings", ["environments: {}\n", "environments: {e: {namespaces: {a: b}}}\n"])
def test_a_namespace_that_is_no_text(policies: Path, namespace: str, settings: str) -> None:
    text = CLEAN.replace("namespace: ns", f"namespace: {namespace}")
    (policies / "a.yaml").write_text(f"{CLEAN}---\n{text}")
    (policies / "hauberk.yaml").write_text(settings)
    environment = ["--environment", "e"] if "{e:" in settings else []
    ids = ["--allow-findings", "HB101,HB102,HB103,HB104"]
    for more in ([], ids):
        said = done(".", "--stdout", *environment, *more, code=2, cwd=policies).stderr
        assert "a.yaml:20:14: metadata.namespace is " in said
        assert "write a name" in said


def test_a_name_that_is_no_text(policies: Path) -> None:
    """YAML 1.1, which the tools of a cluster read, takes some words for numbers and truth values."""
    (policies / "a.yaml").write_text(CLEAN.replace("name: shadow", "name: n"))
    said = done(policies, "--stdout", code=2).stderr
    assert "metadata.name is false, which is no text: write a name, in quotes if need be" in said


def test_usage(policies: Path) -> None:
    assert "--out DIR, or --stdout" in done(policies, code=2).stderr
    assert "--out DIR, or --stdout" in done(policies, "--out", "", code=2, cwd=policies).stderr
    assert "--out DIR, or --stdout" in done(policies, "--out", "x", "--stdout", code=2).stderr
    assert "--check compares a folder" in done(policies, "--stdout", "--check", code=2).stderr
    assert "NAMESPACE/NAME" in done(policies, "--stdout", "--bundle", "x", code=2).stderr
    assert "no such environment" in done(policies, "--stdout", "--environment", "x", code=2).stderr
