"""Whole runs over small policies: findings, places, exit codes, bad input beside good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import ROOT, hauberk
from support.policies import lint, policy, rules

SEED = ROOT / "examples/nginx"
BLOCK = "  action: Block\n  file:\n    matchPaths:\n      - path: /etc/shadow\n"


def test_the_seed_policy_says_one_thing_and_does_another() -> None:
    done = hauberk("lint", SEED / "policy.yaml", "--no-cache", "--format", "json")
    found = {finding["rule"] for finding in json.loads(done.stdout)["findings"]}
    assert {"HB203", "HB304", "HB401", "HB402"} <= found
    assert done.returncode == 1


def test_the_corrected_policy_is_clean() -> None:
    done = hauberk("lint", SEED / "corrected", "--no-cache", "--fail-on", "info")
    assert done.stdout == "no findings in 2 policies (4 files); 3 suppressed\n"
    assert done.returncode == 0


def test_of_the_examples_only_the_policy_of_the_seed_has_findings() -> None:
    done = hauberk("lint", ROOT / "examples", "--no-cache", "--format", "json")
    found = {finding["path"] for finding in json.loads(done.stdout)["findings"]}
    assert found == {(SEED / "policy.yaml").as_posix()}


def test_text_shows_the_line_with_a_caret_under_the_value() -> None:
    done = hauberk("lint", "examples/nginx/policy.yaml", "--no-cache", "--select", "HB203", cwd=ROOT)
    head, row, caret, hint, *_ = done.stdout.splitlines()
    assert head.startswith("examples/nginx/policy.yaml:")
    assert head.endswith(" error HB203 builtin")
    assert row.index("/usr/bin/cd") == caret.index("^" * len("/usr/bin/cd"))
    assert "cd is a shell builtin" in caret
    assert "(hauberk rules HB203)" in hint


def test_no_colour_without_a_terminal() -> None:
    assert "\x1b" not in hauberk("lint", SEED, "--no-cache").stdout


def test_a_broken_file_does_not_hide_the_others() -> None:
    broken = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec: {a: [\n"
    findings = lint(broken, policy(BLOCK + "  action: Allow\n"))
    assert ("f0.yaml", "HB101") in {(finding.path, finding.rule) for finding in findings}
    assert ("f1.yaml", "HB102") in {(finding.path, finding.rule) for finding in findings}


def test_a_broken_document_does_not_hide_those_after_it_in_its_file() -> None:
    text = "a: b: c\n---\n" + policy("  actoin: Block\n")
    assert {"HB101", "HB103"} <= set(rules(text))
    (unknown,) = [finding for finding in lint(text) if finding.rule == "HB103"]
    assert text.splitlines()[unknown.position.line - 1].strip() == "actoin: Block"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.yaml", b"\xff\xfe\x00", "not UTF-8"),
        ("a.yaml", b"kind: [" + b"[" * 100, "nested deeper"),
        ("a.yaml", b"a: &x [*x]\n", "alias"),
        ("a.yaml", b"a: b\x00c\n", "not allowed"),
    ],
)
def test_unreadable_files_are_findings_with_a_place(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    done = hauberk("lint", tmp_path, "--no-cache", "--format", "json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["rule"] == "HB101"
    assert said in finding["message"]
    assert finding["line"] == 1
    assert done.returncode == 1


def test_nothing_to_lint_is_bad_usage_with_a_hint(tmp_path: Path) -> None:
    assert hauberk("lint", tmp_path).returncode == 2
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    done = hauberk("lint", tmp_path)
    assert done.returncode == 2
    assert "no policy in" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_path_is_bad_usage() -> None:
    done = hauberk("lint", "no/such/folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "hauberk: no/such/folder: no such file or folder\n"


def test_templates_are_skipped_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{{- if .Values.on }}\n" + policy(BLOCK) + "{{- end }}\n")
    (tmp_path / "b.yaml").write_text(policy(BLOCK))
    done = hauberk("lint", tmp_path, "--no-cache")
    assert "skipped: a template (line 1" in done.stderr
    assert "1 policy (2 files)" in done.stdout


def test_standard_input_json_lists_and_markdown(tmp_path: Path) -> None:
    one = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "action": "Block",
            "file": {"matchPaths": [{"path": "/a//b"}]},
        },
    }
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one]})
    done = hauberk("lint", "-", "--no-cache", "--format", "json", "--select", "HB210", given=whole.encode())
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["path"], finding["pointer"]) == ("<stdin>", "/items/0/spec/file/matchPaths/0/path")
    (tmp_path / "doc.md").write_text(
        "# x\n\n  ```yaml\n" + "".join(f"  {row}\n" for row in policy("  actoin: Block\n").splitlines()) + "  ```\n"
    )
    done = hauberk("lint", tmp_path, "--markdown", "--no-cache", "--format", "json", "--select", "HB103")
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["line"], finding["column"]) == (14, 5)


def test_fail_on_decides_the_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        ownerOnly: true\n"))
    select = ("--select", "HB305", "--no-cache")
    assert hauberk("lint", path, *select).returncode == 0
    assert hauberk("lint", path, *select, "--fail-on", "warning").returncode == 1


def test_target_leaves_out_what_is_true_of_the_other_model_only() -> None:
    text = policy("  action: Block\n  process:\n    matchPatterns:\n      - pattern: /tmp/*\n")
    assert "HB208" in rules(text, target="kubearmor")
    assert "HB208" not in rules(text, target="hauberk")


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    for n in range(200):
        text = policy(
            f"  action: {'Allow' if n % 2 else 'Block'}\n  file:\n    matchPaths:\n      - path: /x/{n // 2}\n",
            name=f"p{n}",
        )
        (tmp_path / f"{n:03}.yaml").write_text(text)
    one = hauberk("lint", tmp_path, "--no-cache", "--jobs", "1", "--format", "json")
    two = hauberk("lint", tmp_path, "--no-cache", "--jobs", "2", "--format", "json")
    assert one.stdout == two.stdout
    assert len(json.loads(one.stdout)["findings"]) > 200
