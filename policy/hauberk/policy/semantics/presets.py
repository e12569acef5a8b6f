"""What presets hit (semantics 4.7): the same in both models, which differ in which of them act and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hauberk.policy.lists import ALWAYS, Condition, Entry, Origin, Watch, deny_entry
from hauberk.policy.matching import Anything, InMemory, OtherProcess, Target
from hauberk.policy.model import Op, Preset, Report

_OTHER = Condition(other_process=True)
_HITS: dict[tuple[str, Op], tuple[Target, Condition]] = {
    ("filelessExec", "exec"): (InMemory(), ALWAYS),
    ("exec", "exec"): (Anything(), Condition(tty=True, container_exec=True)),
    ("protectEnv", "read"): (OtherProcess(whole=False), _OTHER),
    ("protectProc", "read"): (OtherProcess(whole=True), _OTHER),
    ("anonymousMapExec", "map_exec"): (Anything(), ALWAYS),
}


@dataclass(frozen=True, slots=True)
class PresetHit:
    """A preset that acts: `blocks`, or else reports."""

    origin: Origin
    blocks: bool


def preset_entries(presets: Iterable[PresetHit], op: Op) -> tuple[list[Entry], list[Watch]]:
    """Denials and watches of the presets for one operation, the smallest name first."""
    entries: list[Entry] = []
    watches: list[Watch] = []
    for preset in sorted(presets, key=lambda preset: preset.origin.name):
        origin = preset.origin
        if not isinstance(origin.entry, Preset):
            continue
        hit = _HITS.get((origin.entry.name, op))
        if hit is None:
            continue
        target, condition = hit
        if preset.blocks:
            entries.append(deny_entry(target, condition, origin, blocks=True))
        else:
            report = Report(origin.policy.name, "Audit", origin.name)
            watches.append(Watch(target, (condition,), report, origin))
    return entries, watches
