"""Rules of users: run by the real OPA, with OPA's words for their mistakes, and without a way out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.catalogue import rules_folder
from hauberk.cli.engine import Failure, process
from hauberk.cli.engine import opa as engine_opa
from hauberk.cli.engine.opa import OpaEngine
from hauberk.cli.judging import encode
from hauberk.policy.problems import HauberkError
from support import ends, hauberk, opa
from support.policies import policy

LIBRARY = [rules_folder() / "main.rego", rules_folder() / "lib"]
POLICY = policy("  action: Block\n  file:\n    matchPaths:\n      - path: /a\n        readOnly: true\n")
RULE = """\
package hauberk.rules.ours.paths

violation contains v if {
	some rule in input.policy.rules
	some target in rule.targets
	not startswith(target.text, "/srv/")
	v := {"id": "OURS-1", "pointer": target.pointer, "message": sprintf("%s is outside /srv", [target.text])}
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "ours").mkdir()
    return tmp_path


def lint(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    command = ("lint", "policy.yaml", "--no-cache", "--format", "json", "--rules", "ours", *arguments)
    done = hauberk(*command, "--opa", opa(), cwd=folder, env={"XDG_CACHE_HOME": str(folder / "cache")})
    return done.returncode, json.loads(done.stdout)["findings"] if done.stdout else [], done.stderr


@pytest.mark.opa
def test_users_rules_stand_beside_the_built_in_ones(folder: Path) -> None:
    (folder / "ours/rule.rego").write_text(RULE)
    code, found, _ = lint(folder)
    by_rule = {finding["rule"]: finding for finding in found}
    assert by_rule["OURS-1"]["message"] == "/a is outside /srv"
    assert (by_rule["OURS-1"]["line"], by_rule["OURS-1"]["severity"]) == (14, "warning")
    assert "HB304" in by_rule
    assert code == 0


@pytest.mark.opa
def test_the_settings_name_them_too(folder: Path) -> None:
    (folder / "ours/rule.rego").write_text(RULE)
    (folder / "hauberk.yaml").write_text("rules: [ours]\n")
    done = hauberk("lint", "policy.yaml", "--no-cache", "--format", "json", "--opa", opa(), cwd=folder)
    assert "OURS-1" in {finding["rule"] for finding in json.loads(done.stdout)["findings"]}


@pytest.mark.opa
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("package hauberk.rules.ours.x\n\nviolation contains v if {\n", "ours/rule.rego:"),
        ("package hauberk.rules.ours.x\n\nviolation contains v if input.policy\n", "unsafe"),
        (RULE.replace("startswith(", "nosuch("), "undefined function nosuch"),
        (
            RULE.replace(
                'sprintf("%s is outside /srv", [target.text])', 'http.send({"method": "get", "url": "http://x"}).body'
            ),
            "http.send",
        ),
        (RULE.replace('sprintf("%s is outside /srv", [target.text])', "opa.runtime().env.HOME"), "opa.runtime"),
    ],
)
def test_a_rule_that_opa_refuses_is_told_with_its_place_and_the_built_in_rules_still_report(
    folder: Path, source: str, said: str
) -> None:
    (folder / "ours/rule.rego").write_text(source)
    code, found, message = lint(folder)
    assert code == 2
    assert said in message
    assert "rule.rego:" in message
    assert "Traceback" not in message
    assert "HB304" in {finding["rule"] for finding in found}


@pytest.mark.opa
def test_an_endless_rule_is_an_engine_error_and_the_built_in_rules_still_report(folder: Path) -> None:
    endless = "package hauberk.rules.ours.x\n\nviolation contains v if {\n\tsome a in numbers.range(1, 1000000)\n"
    endless += "\tsome b in numbers.range(1, 1000000)\n\ta * b < 0\n\tv := a\n}\n"
    (folder / "ours/rule.rego").write_text(endless)
    with ends():
        code, found, _ = lint(folder)
    assert code == 3
    assert "HB304" in {finding["rule"] for finding in found}


@pytest.mark.opa
def test_a_violation_of_the_wrong_form_is_an_engine_error(folder: Path) -> None:
    (folder / "ours/rule.rego").write_text(
        'package hauberk.rules.ours.x\n\nviolation contains {"id": "HB304"} if input.policy\n'
    )
    code, found, _ = lint(folder)
    assert code == 3
    assert found


def test_without_opa_users_rules_are_refused_with_an_instruction(folder: Path) -> None:
    (folder / "ours/rule.rego").write_text(RULE)
    done = hauberk("lint", "policy.yaml", "--rules", "ours", cwd=folder, env={"PATH": "/nonexistent"})
    assert done.returncode == 2
    assert "install it" in done.stderr
    assert "Traceback" not in done.stderr


def asked(folder: Path, source: str, documents: Sequence[dict[str, Any]]) -> list[Any]:
    """What a rule answers to many documents."""
    (folder / "ours/rule.rego").write_text(f"package hauberk.rules.ours.x\n\n{source}")
    engine = OpaEngine(opa(), folder / "ours", LIBRARY)
    with ends():
        answers: list[Any] = list(engine.evaluate(map(encode, documents)))
        # as judging does: one call for each few hundred files
        answers += list(engine.evaluate([encode(documents[-1])]))
    return answers


@pytest.mark.opa
def test_a_slow_rule_is_not_an_endless_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_opa, "TIMEOUT", 1.0)
    slow = "violation contains 1 if {\n\tinput.slow\n\tsome a in numbers.range(1, 40000)\n\ta < 0\n}\n"
    # the first says nothing of the others, so that a chunk of them does not end in the time of one
    documents = [{"slow": number > 0, "number": number} for number in range(60)]
    answers = asked(folder, slow, documents)
    assert answers == [[]] * 61


@pytest.mark.opa
def test_one_endless_document_is_found_and_nothing_is_asked_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_opa, "TIMEOUT", 0.5)
    endless = "violation contains 1 if {\n\tinput.endless\n\tsome a in numbers.range(1, 10000000)\n\ta < 0\n}\n"
    answers = asked(folder, endless, [{"endless": number == 100} for number in range(600)])
    assert answers[:100] == [[]] * 100
    assert all(isinstance(answer, Failure) for answer in answers[100:])
    assert "did not finish" in answers[-1].reason


@pytest.mark.opa
def test_a_rule_that_fails_for_every_document_is_asked_a_few_times_only(folder: Path) -> None:
    conflict = "violation contains f(1)\n\nf(x) := x if input.a\n\nf(x) := 2 if {\n\tx > 0\n\tinput.a\n}\n"
    answers = asked(folder, conflict, [{"a": True}] * 600)
    assert "rule.rego:5" in answers[0].reason
    assert all(isinstance(answer, Failure) for answer in answers)
    assert "not asked: they failed for 10 documents" in answers[-1].reason


@pytest.mark.opa
def test_one_document_that_fails_does_not_take_the_others_with_it(folder: Path) -> None:
    conflict = "violation contains f(1)\n\nf(x) := x\n\nf(x) := 2 if {\n\tx > 0\n\tinput.a\n}\n"
    answers = asked(folder, conflict, [{"a": True} if number == 77 else {} for number in range(200)])
    assert [index for index, answer in enumerate(answers) if isinstance(answer, Failure)] == [77]


@pytest.mark.opa
def test_the_time_of_all_documents_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_opa, "ALLOWANCE", 0.5)
    monkeypatch.setattr(engine_opa, "EACH", 0.001)
    slow = "violation contains 1 if {\n\tsome a in numbers.range(1, 200000)\n\ta < 0\n}\n"
    answers = asked(folder, slow, [{"number": number} for number in range(600)])
    assert "they took" in answers[-1].reason


@pytest.mark.opa
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of another process")
def test_a_rule_that_takes_all_memory_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.engine.process.MEMORY", 300 << 20)
    large = "violation contains 1 if {\n\tsome a in numbers.range(1, 30000000)\n\ta < 0\n}\n"
    answers = asked(folder, large, [{}])
    assert "used up their memory (1024 MiB)" in answers[0].reason


@pytest.mark.opa
@pytest.mark.parametrize("package", ["", "my.stuff", "hauberk.rules", "hauberk.rules.ours"])
def test_rules_that_would_not_be_asked_are_refused(folder: Path, package: str) -> None:
    if package:
        (folder / "ours/rule.rego").write_text(RULE.replace("hauberk.rules.ours.paths", package))
    code, found, message = lint(folder)
    assert code == 2
    assert ("would be asked" if package else "no Rego rules there") in message
    assert "HB304" in {finding["rule"] for finding in found}


@pytest.mark.opa
def test_a_library_beside_the_rules_and_a_rule_by_reference_are_as_good(folder: Path) -> None:
    (folder / "ours/a.rego").write_text("package my.stuff\n\nyes := true\n")
    (folder / "ours/b.rego").write_text(
        'package hauberk.rules\n\nours.x.violation contains {"id": "OURS-2", "message": "m"} if data.my.stuff.yes\n'
    )
    code, found, message = lint(folder)
    assert code == 0, message
    assert "OURS-2" in {finding["rule"] for finding in found}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sleep 60", "did not end within"),
        ("echo no", "is not Open Policy Agent"),
        ("echo '{}'", "is not Open Policy Agent"),
    ],
)
def test_an_opa_that_is_none_is_refused_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.5)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    (folder / "ours/rule.rego").write_text(RULE)
    (folder / "opa").write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\nexec {script}\n")
    (folder / "opa").chmod(0o755)
    with pytest.raises(HauberkError, match=said):
        OpaEngine(folder / "opa", folder / "ours", LIBRARY)
