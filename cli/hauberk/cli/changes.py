"""What two revisions allow differently: the values between `hauberk diff` and its output."""

from __future__ import annotations

from dataclasses import dataclass, field

from hauberk.policy.model import Access, Decision
from hauberk.policy.workloads import Target


@dataclass(frozen=True, slots=True)
class RulePlace:
    """A rule with the file and line of its entry; "" and 0 where no rule decided."""

    rule: str | None
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class WorkloadChange:
    """One cause that changes what one workload may do; `extent` says in words how much it is."""

    target: Target
    operation: str
    direction: str
    models: tuple[str, str]
    witness: Access
    before: Decision
    after: Decision
    rule_before: RulePlace
    rule_after: RulePlace
    extent: str
    who: str


@dataclass(slots=True)
class Diff:
    """`inconclusive` says where changes may be missing and why; `workloads` is how many were compared."""

    before: str
    after: str
    changes: list[WorkloadChange] = field(default_factory=list[WorkloadChange])
    inconclusive: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    workloads: int = 0

    def count(self, direction: str) -> int:
        return sum(change.direction == direction for change in self.changes)
