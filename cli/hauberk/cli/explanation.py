"""Why an access is allowed or denied: the values between `hauberk explain` and its output."""

from __future__ import annotations

from dataclasses import dataclass

from hauberk.policy.model import Access, Decision, Model, Posture, Verdict
from hauberk.policy.workloads import Target


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the list: its rule (None for what the model itself says), its place, and whether it matched."""

    rule: str | None
    place: str
    action: str
    matcher: str
    verdict: Verdict
    outcome: str


@dataclass(frozen=True, slots=True)
class Walk:
    """What one model did with the access. `end` describes the end of the list, when it was reached."""

    model: Model
    decision: Decision
    place: str
    steps: tuple[Step, ...]
    skipped: int
    end: str


@dataclass(frozen=True, slots=True)
class Explanation:
    access: Access
    target: Target
    posture: Posture
    posture_from: str
    selecting: tuple[str, ...]
    walks: tuple[Walk, ...]
    changes: tuple[str, ...]
