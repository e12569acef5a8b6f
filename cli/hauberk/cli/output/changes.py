"""A diff for people, for merge requests and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from itertools import groupby
from typing import Any

import typer

from hauberk.cli.changes import Diff, RulePlace, WorkloadChange
from hauberk.cli.output.visible import visible
from hauberk.policy.model import Access, Decision

MOST_MARKDOWN = 60_000
"""Characters that a comment on a merge request may have."""

_MOST_NOTES = 10
_COLOURS = {"widened": "red", "narrowed": "green", "reported": "yellow"}
_MEANING = {
    "widened": "was denied, or reported, and is now allowed",
    "narrowed": "was allowed and is now denied",
    "reported": "is reported otherwise than before",
}


def _plain(text: str, **_: object) -> str:
    return text


def described(access: Access) -> str:
    """`/usr/bin/bash reads /etc/shadow`."""
    verbs = {"exec": "runs", "read": "reads", "write": "writes", "modify": access.how + "s", "dns": "asks DNS for"}
    verbs |= {"capability": "uses", "network": "opens a socket", "map_exec": "maps memory to execute"}
    target = f"({access.type}, protocol {access.protocol})" if access.op == "network" else access.target
    who = access.source or access.parent_source or "an unknown program"
    marks = [f"as user {access.uid}"] if access.uid else []
    marks += ["on a terminal"] if access.tty else []
    marks += [f"with arguments {list(access.args)}"] if access.args else []
    return visible(" ".join((who, verbs[access.op], target, *marks)))


def summary(diff: Diff) -> str:
    counts = [f"{diff.count(direction)} {direction}" for direction in _MEANING if diff.count(direction)]
    text = ", ".join(counts) or "no change of what is allowed"
    text += f" in {diff.workloads} workload{'' if diff.workloads == 1 else 's'} ({diff.before} -> {diff.after})"
    if diff.inconclusive:
        text += f"; inconclusive for {len(diff.inconclusive)}: changes may be missing"
    return visible(text)


def as_text(diff: Diff, *, colour: bool) -> str:
    style: Callable[..., str] = typer.style if colour else _plain
    lines: list[str] = []
    for name, changes in groupby(diff.changes, key=lambda change: change.target.name):
        lines.append(style(visible(name), bold=True))
        for change in changes:
            lines.append(
                f"  {style(change.direction, fg=_COLOURS[change.direction], bold=True)} {change.operation}: "
                f"{described(change.witness)}"
            )
            lines.append(f"    before: {_decided(change.before, change.rule_before)}")
            lines.append(f"    after:  {_decided(change.after, change.rule_after)}")
            lines.append(f"    how much: {visible(change.extent)}; for {visible(change.who)}")
        lines.append("")
    lines += [f"inconclusive: {visible(doubt)}" for doubt in diff.inconclusive]
    lines += [f"note: {visible(reason)}" for reason in diff.broken]
    lines.append(summary(diff))
    return "\n".join(lines) + "\n"


def _decided(decision: Decision, place: RulePlace) -> str:
    where = f"{place.path}:{place.line}" if place.line else place.path
    by = f" by {place.rule} ({where})" if place.rule else " as no rule decides"
    said = [f"{report.action} of {report.policy}" for report in decision.reports]
    return visible(f"{decision.verdict.value}{by}" + (f", reported: {', '.join(said)}" if said else ""))


def as_markdown(diff: Diff, most: int = MOST_MARKDOWN) -> str:
    """Folded details by workload; cut before it has more than `most` characters, with a count of what was cut."""
    text = f"### Hauberk: {cell(summary(diff))}\n"
    left = len(diff.changes)
    for name, group in groupby(diff.changes, key=lambda change: change.target.name):
        changes = list(group)
        counts = ", ".join(
            f"{sum(c.direction == d for c in changes)} {d}" for d in _MEANING if any(c.direction == d for c in changes)
        )
        block = f"\n<details><summary><code>{cell(name)}</code>: {counts}</summary>\n\n"
        block += "| | example | before | after | how much |\n|---|---|---|---|---|\n"
        block += "".join(_row(change) for change in changes)
        block += "\n</details>\n"
        if len(text) + len(block) > most - 300:
            text += f"\n{left} more changes do not fit here: run `hauberk diff`.\n"
            break
        text += block
        left -= len(changes)
    said = [f"inconclusive: {doubt}" for doubt in diff.inconclusive] + [f"note: {reason}" for reason in diff.broken]
    lines = [f"- {cell(line)}\n" for line in said[:_MOST_NOTES]]
    if len(said) > _MOST_NOTES:
        lines.append(f"- and {len(said) - _MOST_NOTES} more: run `hauberk diff`\n")
    return text + "".join(lines)


def _row(change: WorkloadChange) -> str:
    before, after = _decided(change.before, change.rule_before), _decided(change.after, change.rule_after)
    cells = (f"**{change.direction}**", described(change.witness), before, after, f"{change.extent}; for {change.who}")
    return "| " + " | ".join(map(cell, cells)) + " |\n"


def cell(text: str) -> str:
    for char, written in (("\\", "\\\\"), ("|", "\\|"), ("\n", " "), ("<", "&lt;"), ("`", "\\`")):
        text = text.replace(char, written)
    return visible(text)


def as_json(diff: Diff) -> str:
    return json.dumps(to_json(diff), indent=2, ensure_ascii=False) + "\n"


def to_json(diff: Diff) -> dict[str, Any]:
    return {
        "version": 1,
        "before": diff.before,
        "after": diff.after,
        "changes": [_json(change) for change in diff.changes],
        "summary": {**{direction: diff.count(direction) for direction in _MEANING}, "workloads": diff.workloads},
        "inconclusive": diff.inconclusive,
        "broken": diff.broken,
    }


def _json(change: WorkloadChange) -> dict[str, Any]:
    workload, access = change.target.workload, change.witness
    return {
        "workload": {
            "name": change.target.name,
            "namespace": workload.namespace,
            "labels": dict(workload.labels),
            "container": workload.container,
        },
        "operation": change.operation,
        "direction": change.direction,
        "model": change.models[0] if change.models[0] == change.models[1] else "both",
        "witness": {name: getattr(access, name) for name in access.__dataclass_fields__},
        "before": _side(change.before, change.rule_before),
        "after": _side(change.after, change.rule_after),
        "extent": change.extent,
        "who": change.who,
    }


def _side(decision: Decision, place: RulePlace) -> dict[str, Any]:
    reports = [{"policy": r.policy, "action": r.action, "rule": r.rule} for r in decision.reports]
    where = {"rule": place.rule, "path": place.path or None, "line": place.line or None}
    return {"verdict": decision.verdict.value, **where, "report": reports}


def as_sarif(diff: Diff) -> str:
    levels = {"widened": "error", "narrowed": "warning", "reported": "note"}
    driver = {
        "name": "hauberk diff",
        "version": version("hauberk"),
        "informationUri": "https://github.com/hauberk/hauberk",
        "rules": [{"id": name, "shortDescription": {"text": meaning}} for name, meaning in _MEANING.items()],
    }
    results: list[dict[str, Any]] = []
    for change in diff.changes:
        place = change.rule_after if change.rule_after.rule else change.rule_before
        result: dict[str, Any] = {
            "ruleId": change.direction,
            "level": levels[change.direction],
            "message": {"text": f"{change.target.name}: {described(change.witness)}: {_MEANING[change.direction]}"},
        }
        if place.rule:
            region = {"startLine": place.line}
            result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": place.path}, "region": region}}]
        results.append(result)
    run = {"tool": {"driver": driver}, "results": results}
    whole = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
