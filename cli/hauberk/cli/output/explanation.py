"""An explanation for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import typer

from hauberk.cli.explanation import Explanation, Walk
from hauberk.policy.model import Access, Report, Verdict


def as_json(explanation: Explanation) -> str:
    access = explanation.access
    whole: dict[str, Any] = {
        "version": 1,
        "workload": explanation.target.name,
        "access": {"op": access.op, "what": described(access), "source": access.source},
        "posture": {
            "file": explanation.posture.file,
            "network": explanation.posture.network,
            "capabilities": explanation.posture.capabilities,
            "from": explanation.posture_from,
        },
        "selecting": list(explanation.selecting),
        "models": {walk.model.value: _walk_json(walk) for walk in explanation.walks},
        "changes": list(explanation.changes),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _walk_json(walk: Walk) -> dict[str, Any]:
    return {
        "verdict": walk.decision.verdict.value,
        "rule": walk.decision.rule,
        "place": walk.place,
        "report": [_report(report) for report in walk.decision.reports],
        "walked": [
            {"rule": s.rule, "place": s.place, "action": s.action, "matcher": s.matcher, "outcome": s.outcome}
            for s in walk.steps
        ],
        "end": walk.end,
    }


def _report(report: Report) -> dict[str, str | None]:
    return {"policy": report.policy, "action": report.action, "rule": report.rule}


def described(access: Access) -> str:
    """What the access is about, as one word or two."""
    if access.op == "network":
        return f"{access.type} protocol {access.protocol}"
    return f"{access.target} ({access.how})" if access.how else access.target


def _plain(text: str, **_: object) -> str:
    return text


def as_text(explanation: Explanation, *, colour: bool) -> str:
    style: Callable[..., str] = typer.style if colour else _plain
    access = explanation.access
    posture = explanation.posture
    held = f"file {posture.file}, network {posture.network}, capabilities {posture.capabilities}"
    lines = [
        f"{access.op} {described(access)} by {access.source or 'an unknown program'} in {explanation.target.name}",
        f"posture: {held} ({explanation.posture_from})",
        f"policies that select it: {', '.join(explanation.selecting) or 'none'}",
    ]
    for walk in explanation.walks:
        verdict = walk.decision.verdict
        painted = style(verdict.value, fg="red" if verdict is Verdict.DENIED else "green", bold=True)
        by = f" by {walk.decision.rule} ({walk.place})" if walk.decision.rule else ""
        lines += ["", f"{walk.model.value}: {painted}{by}"]
        for number, step in enumerate(walk.steps, start=1):
            what = f"{step.action} {step.matcher}  {step.rule} {step.place}" if step.rule else "the model itself"
            lines.append(f"  {number}. {what}: {step.outcome}")
        if walk.skipped:
            lines.append(f"  ({walk.skipped} {'entry' if walk.skipped == 1 else 'entries'} before that: no match)")
        if walk.end:
            lines.append(f"  {walk.end}")
        lines += [
            f"  reported: {r.policy}, {r.action}{f' ({r.rule})' if r.rule else ''}" for r in walk.decision.reports
        ]
    if explanation.changes:
        lines += ["", "what would change it:", *(f"  - {change}" for change in explanation.changes)]
    return "\n".join(lines) + "\n"
