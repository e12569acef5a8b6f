"""The roll-up of a fleet, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import typer

from hauberk.cli.fleet import Fleet, PolicyState, Reported
from hauberk.cli.output.visible import visible

_COLOURS = {"Enforced": "green", "Pending": "yellow", "Partial": "red", "Refused": "red"}
_MOST_NODES = 5


def _plain(text: str, **_: object) -> str:
    return text


def as_text(fleet: Fleet, *, colour: bool) -> str:
    style: Callable[..., str] = typer.style if colour else _plain
    lines: list[str] = []
    for one in fleet.policies:
        state = style(f"{one.state:<8}", fg=_COLOURS[one.state], bold=True)
        lines.append(f"{state} {visible(one.shown)}: {_counts(one)}")
        lines += [f"    {visible(text)}" for text in _details(one)]
    lines += [
        f"{style('Nowhere ', bold=True)} {visible(one)}: selects nothing that runs, or is new" for one in fleet.nowhere
    ]
    lines += [f"{style(one.kind, fg='magenta', bold=True)} {visible(said_by_node(one))}" for one in fleet.drifts]
    for name, message in sorted(fleet.troubled.items()):
        lines.append(f"{style('not ready', fg='red', bold=True)} {visible(f'{name}: {message}')}")
    policies = len(fleet.policies) + len(fleet.nowhere)
    said = f"{fleet.ready} of {fleet.nodes} nodes ready, {policies} policies, {len(fleet.drifts)} drifts"
    lines.append(visible(f"{said} ({fleet.cluster})"))
    lines += [visible(f"note: {note}") for note in fleet.notes]
    return "\n".join(lines) + "\n"


def said_by_node(one: Reported) -> str:
    """All but its kind."""
    since = f" since {one.since}" if one.since else ""
    return f"{one.policy} on {one.node}{since}: {one.message}"


def _counts(one: PolicyState) -> str:
    nodes = ", ".join(f"{count} {state.lower()}" for state, count in sorted(one.nodes.items()))
    return f"nodes: {nodes}; {one.workloads} workloads"


def _details(one: PolicyState) -> Iterator[str]:
    if len(one.digests) > 1:
        yield f"{len(one.digests)} versions of it are enforced"
    for message, nodes in sorted(one.reasons.items()):
        shown = ", ".join(nodes[:_MOST_NODES])
        more = f" and {len(nodes) - _MOST_NODES} more" if len(nodes) > _MOST_NODES else ""
        yield f"{shown}{more}: {message}"


def as_json(fleet: Fleet) -> str:
    document: dict[str, Any] = asdict(fleet) | {"well": fleet.well}
    for one in document["policies"]:
        one["digests"] = sorted(one["digests"])
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
