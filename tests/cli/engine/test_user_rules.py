"""Rules of users: run by the real OPA, with OPA's words for their mistakes, and without a way out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from support import hauberk, opa
from support.policies import policy

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
    start = time.monotonic()
    code, found, message = lint(folder)
    assert time.monotonic() - start < 5
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
    start = time.monotonic()
    code, found, _ = lint(folder)
    assert time.monotonic() - start < 9
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
