"""METADATA, pages and the list in the README say the same."""

from __future__ import annotations

import json
import re

from support import ROOT

CATALOGUE = json.loads((ROOT / "rego" / "catalogue.json").read_text())
CATEGORIES = {
    "1": "document",
    "2": "dead",
    "3": "conflicts",
    "4": "gaps",
    "5": "scope",
    "6": "portability",
    "7": "hygiene",
    "9": "suppressions",
}


def test_ids_are_unique_and_fit_their_category() -> None:
    ids = [rule["id"] for rule in CATALOGUE]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"HB\d{3}", name) for name in ids)
    assert all(CATEGORIES[rule["id"][2]] == rule["category"] for rule in CATALOGUE)


def test_names_are_those_of_the_folders() -> None:
    folders = {path.parent.name.replace("_", "-") for path in (ROOT / "rego/rules").glob("*/*/rule.rego")}
    assert {rule["name"] for rule in CATALOGUE} == folders


def test_each_rule_has_a_page_and_each_page_a_rule() -> None:
    pages = {path.stem for path in (ROOT / "docs/rules").glob("*.md")}
    assert pages == {rule["id"] for rule in CATALOGUE}
    for rule in CATALOGUE:
        assert rule["page"].startswith(f"# {rule['id']} {rule['name']}\n")


def test_metadata_values_are_of_the_known_kinds() -> None:
    for rule in CATALOGUE:
        assert rule["severity"] in {"error", "warning", "info"}
        assert set(rule["models"]) <= {"kubearmor", "hauberk"}
        assert rule["models"]
        assert rule["needs"] in {"none", "repo", "image"}
        assert rule["fix"] in {"none", "safe", "unsafe"}
        assert rule["description"]
        assert rule["recommended_action"].endswith(".")


def test_the_table_of_rules_is_current() -> None:
    table = (ROOT / "docs/rules.md").read_text()
    for rule in CATALOGUE:
        row = f"| [{rule['id']}](rules/{rule['id']}.md) | {rule['name']} | {rule['severity']} |"
        assert row in table, f"docs/rules.md: run `make rego` ({rule['id']})"
