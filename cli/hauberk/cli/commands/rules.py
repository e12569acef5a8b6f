"""`hauberk rules`: the catalogue, offline."""

from __future__ import annotations

import json
from dataclasses import asdict

from hauberk.cli.catalogue import catalogue, rules_folder
from hauberk.policy.problems import HauberkError
from hauberk.policy.tables import nearest


def listing(form: str) -> str:
    """All rules, as a table or as JSON without their pages."""
    rules = list(catalogue().values())
    if form == "json":
        entries = [{key: value for key, value in asdict(rule).items() if key != "page"} for rule in rules]
        return json.dumps({"version": 1, "rules": entries}, indent=2, ensure_ascii=False) + "\n"
    width = max(len(rule.name) for rule in rules)
    lines: list[str] = []
    category = ""
    for rule in rules:
        if rule.category != category:
            category = rule.category
            lines.append(f"\n{category}")
        only = "" if rule.model == "both" else f"  ({rule.model} only)"
        lines.append(f"  {rule.id}  {rule.name:<{width}}  {rule.severity.value:<7}  {rule.recommended_action}{only}")
    return "\n".join(lines).lstrip("\n") + f"\n\n{len(rules)} rules; `hauberk rules HB304` explains one\n"


def explain(given: str) -> str:
    """The page of a rule, found by its id or its name."""
    known = catalogue()
    by_name = {rule.name: rule.id for rule in known.values()}
    wanted = given.upper() if given.upper() in known else by_name.get(given.lower(), "")
    if not wanted:
        close = nearest(given, (*known, *by_name))
        raise HauberkError(
            f"{given}: no such rule" + (f"; did you mean {close}?" if close else "; `hauberk rules` lists all")
        )
    return known[wanted].page.rstrip("\n") + "\n"


def sources() -> str:
    """The folder of the built-in Rego sources: main.rego and lib are what a pack of one's own is built with."""
    return f"{rules_folder()}\n"
