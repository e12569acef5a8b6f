"""Who may do what to which asset: the values between `hauberk matrix` and its output."""

from __future__ import annotations

from dataclasses import dataclass, field

from hauberk.cli.changes import RulePlace
from hauberk.policy.lists import Origin
from hauberk.policy.matrix import Matrix
from hauberk.policy.model import Model, Posture
from hauberk.policy.rulings import Key, key_of
from hauberk.policy.workloads import Target


@dataclass(frozen=True, slots=True)
class WorkloadMatrix:
    """`posture` is that of the side that is shown, the later one; `changed` counts cells."""

    target: Target
    posture: Posture
    posture_from: str
    matrix: Matrix
    changed: int = 0


@dataclass(slots=True)
class Matrices:
    """`names` are the sides: one, or before and after. `notes` say what was left out."""

    model: Model
    names: tuple[str, ...]
    workloads: list[WorkloadMatrix] = field(default_factory=list[WorkloadMatrix])
    notes: list[str] = field(default_factory=list[str])
    places: dict[Key, tuple[str, int]] = field(default_factory=dict[Key, tuple[str, int]])

    @property
    def compared(self) -> bool:
        return len(self.names) > 1

    def place(self, origin: Origin | None) -> RulePlace:
        """Rule, file and line."""
        if origin is None:
            return RulePlace(None, "", 0)
        return RulePlace(origin.name, *self.places.get(key_of(origin), ("", 0)))
