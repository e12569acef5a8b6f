"""What differs between git and a cluster, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import typer

from hauberk.cli.drifts import Drift, DriftKind, Field, Manager, ObjectDrift
from hauberk.cli.output import changes
from hauberk.cli.output.status import said_by_node
from hauberk.cli.output.visible import visible

MEANING = {
    DriftKind.MISSING: "is not in the cluster",
    DriftKind.EXTRA: "is not in git",
    DriftKind.EDITED: "was changed in the cluster after it was rendered: its digest is no longer that of its spec",
    DriftKind.OTHER: "means something else in git",
    DriftKind.PRUNED: "has fields in git that the API server does not keep",
    DriftKind.POSTURE: "has other postures than in git",
}
_COLOURS = {DriftKind.MISSING: "red", DriftKind.EXTRA: "yellow", DriftKind.EDITED: "red", DriftKind.OTHER: "yellow"}
_MOST_TEXT = 120
_MOST_FIELDS = 20


def _plain(text: str, **_: object) -> str:
    return text


def summary(drift: Drift) -> str:
    counts = [(kind, sum(one.kind is kind for one in drift.objects)) for kind in DriftKind]
    text = ", ".join(f"{count} {kind}" for kind, count in counts if count) or "every object as in git"
    if drift.reported:
        text += f", {len(drift.reported)} reported by nodes"
    git, cluster = drift.policies
    return visible(f"{text}: {git} policies in git, {cluster} in the cluster ({drift.cluster}), {drift.pods} pods")


def as_text(drift: Drift, *, colour: bool) -> str:
    style: Callable[..., str] = typer.style if colour else _plain
    lines: list[str] = []
    for one in drift.objects:
        kind = style(one.kind.value, fg=_COLOURS.get(one.kind, "magenta"), bold=True)
        place = f" ({one.place})" if one.place else ""
        lines.append(f"{kind} {visible(one.shown + place)} {MEANING[one.kind]}")
        lines += [f"    {visible(text)}" for text in _details(one)]
    for said in drift.reported:
        lines.append(f"{style(said.kind, fg='magenta', bold=True)} {visible(said_by_node(said))}")
    lines += [f"note: {visible(note)}" for note in drift.notes]
    lines.append(summary(drift))
    return "\n".join(lines) + "\n\n" + changes.as_text(drift.diff, colour=colour)


def _details(one: ObjectDrift) -> Iterator[str]:
    yield from (_field(found) for found in one.fields[:_MOST_FIELDS])
    if len(one.fields) > _MOST_FIELDS:
        yield f"and {len(one.fields) - _MOST_FIELDS} more fields"
    yield from (f"by {_manager(manager)}" for manager in one.managers)


def _field(one: Field) -> str:
    git, cluster = ("nothing" if value is None else _short(value) for value in (one.git, one.cluster))
    return f"{one.pointer}: {git} in git, {cluster} in the cluster"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 3] + "..."


def _manager(one: Manager) -> str:
    return f"{one.name} ({one.operation}{f', {one.time}' if one.time else ''})"


def as_markdown(drift: Drift) -> str:
    """What differs object by object as a list, then the comparison as `hauberk diff` shows it."""
    text = f"### Hauberk drift: {changes.cell(summary(drift))}\n\n"
    for one in drift.objects:
        place = f" ({one.place})" if one.place else ""
        text += f"- **{one.kind.value}** {changes.cell(one.shown + place)} {MEANING[one.kind]}\n"
        text += "".join(f"    - {changes.cell(detail)}\n" for detail in _details(one))
        if len(text) > changes.MOST_MARKDOWN // 2:
            text += "- more objects do not fit here: run `hauberk drift`\n"
            break
    for said in drift.reported:
        if len(text) > changes.MOST_MARKDOWN // 2:
            text += "- more reports of nodes do not fit here: run `hauberk status`\n"
            break
        text += f"- **{said.kind}** {changes.cell(said_by_node(said))}\n"
    text += "".join(f"- note: {changes.cell(note)}\n" for note in drift.notes)
    return text + "\n" + changes.as_markdown(drift.diff, changes.MOST_MARKDOWN - len(text) - 1)


def as_json(drift: Drift) -> str:
    whole: dict[str, Any] = {
        "version": 1,
        "cluster": drift.cluster,
        "objects": [asdict(one) for one in drift.objects],
        "reported": [asdict(one) for one in drift.reported],
        "notes": drift.notes,
        "policies": {"git": drift.policies[0], "cluster": drift.policies[1]},
        "pods": drift.pods,
        "diff": changes.to_json(drift.diff),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
