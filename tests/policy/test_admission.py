"""What the API server is given to check says no more than lint, and what its rules are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cel
import pytest
import yaml

from hauberk.policy.admission import ERRORS, NAMESPACES, VARIABLES, WARNINGS, Check, admission_policies
from support import ROOT
from support.policies import lint_file

CASES = sorted((ROOT / "rego" / "rules").glob("*/*/[bg]*d/*.yaml"))
POLICIES = ("KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy")


def refused(document: Any, checks: tuple[Check, ...]) -> set[str]:
    """Rules whose checks do not hold."""
    variables: dict[str, Any] = {}
    for name, expression in VARIABLES if checks is not NAMESPACES else ():
        variables[name] = cel.evaluate(expression, {"object": document, "variables": variables})
    given = {"object": document, "variables": variables}
    return {check.rule for check in checks if not cel.evaluate(check.expression, given)}


def documents(case: Path) -> list[Any]:
    """Objects as they would come to the server: it has checked them against the schema."""
    broken = {"HB101", "HB102", "HB103", "HB104"}
    if broken & {finding.rule for finding in lint_file(case)}:
        return []
    return [document for document in yaml.safe_load_all(case.read_text()) if isinstance(document, dict)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.parent.name}-{case.stem}")
def test_what_is_refused_is_told_by_lint(case: Path) -> None:
    told = {finding.rule for finding in lint_file(case)}
    for document in documents(case):
        if document.get("kind") in POLICIES:
            assert refused(document, (*ERRORS, *WARNINGS)) <= told
        if document.get("kind") == "Namespace":
            assert refused(document, NAMESPACES) <= told


@pytest.mark.parametrize("check", [*ERRORS, *WARNINGS, *NAMESPACES], ids=lambda check: str(check.rule))
def test_each_check_finds_a_bad_case_of_its_rule(check: Check) -> None:
    kinds = ("Namespace",) if check in NAMESPACES else POLICIES
    checks = NAMESPACES if check in NAMESPACES else (check,)
    metadata = f"#   id: {check.rule}\n"
    (folder,) = [rule.parent for rule in (ROOT / "rego/rules").glob("*/*/rule.rego") if metadata in rule.read_text()]
    bad = [one for case in folder.glob("bad/*.yaml") for one in documents(case) if one.get("kind") in kinds]
    assert any(refused(document, checks) for document in bad)


def test_their_objects() -> None:
    found = admission_policies()
    assert [(one["kind"].removeprefix("ValidatingAdmission"), one["metadata"]["name"]) for one in found] == [
        (kind, name)
        for name in ("hauberk-errors", "hauberk-warnings", "hauberk-namespaces")
        for kind in ("Policy", "PolicyBinding")
    ]
    assert [one["spec"]["validationActions"] for one in found[1::2]] == [["Deny"], ["Warn", "Audit"], ["Warn", "Audit"]]


def test_the_page_lists_them() -> None:
    page = (ROOT / "docs/render.md").read_text()
    for check in (*ERRORS, *WARNINGS, *NAMESPACES):
        assert f"[{check.rule}](rules/{check.rule}.md)" in page
