"""Each rule on whole policies: every file below `bad/` has its finding, no file below `good/` has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import ROOT
from support.policies import lint_file

RULES = sorted((ROOT / "rego" / "rules").glob("*/*/rule.rego"))
CASES = [case for rule in RULES for case in sorted(rule.parent.glob("[bg]*d/*.yaml"))]


def identity(rule: Path) -> str:
    lines = rule.read_text().splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("#   id: "))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.parent.name}/{case.parent.name}/{case.stem}")
def test_case(case: Path) -> None:
    wanted = identity(case.parent.parent / "rule.rego")
    found = [finding for finding in lint_file(case) if finding.rule == wanted]
    if case.parent.name == "bad":
        assert found, f"{wanted} says nothing about {case.name}"
        assert all(finding.message and not finding.message.endswith(".") for finding in found)
        assert all("<undefined>" not in finding.message + finding.hint for finding in found)
    else:
        assert not found, f"{wanted} says {found[0].message!r}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.parent.name)
def test_every_rule_has_a_case_that_fires_and_one_that_does_not(rule: Path) -> None:
    tests = (rule.parent / "rule_test.rego").read_text()
    for kind in ("bad", "good", "near_miss"):
        assert f"\ntest_{kind}" in tests, f"{rule.parent.name}: no test_{kind}_* in rule_test.rego"
