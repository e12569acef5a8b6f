"""`hauberk diff`: two sets of policies compared by what they allow, workload by workload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hauberk.cli.changes import Diff, RulePlace, WorkloadChange
from hauberk.cli.opened import Opened
from hauberk.policy.compare import Change, compare
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.lists import Origin
from hauberk.policy.matching import SEEN_COMPONENTS
from hauberk.policy.model import Model, Posture
from hauberk.policy.selection import selects
from hauberk.policy.workloads import Target


@dataclass(frozen=True, slots=True)
class Side:
    """Policies under one model; `name` is the revision or folder they come from."""

    name: str
    opened: Opened
    model: Model

    def compiled(self, target: Target, configured: Posture) -> tuple[Compiled, Posture]:
        """What this side says about the workload, under the posture that its own manifests give."""
        posture, _ = self.opened.repository.posture(target, configured, None)
        policies = self.opened.repository.candidates(target.workload)
        return compile_policies(self.model, policies, target.workload, posture), posture

    def place(self, origin: Origin | None) -> RulePlace:
        if origin is None:
            return RulePlace(None, "", 0)
        path, line = self.opened.place(origin.policy, origin.entry.id)
        return RulePlace(origin.name, path, line)


def _silent(done: int, total: int) -> None:
    pass


def diff(before: Side, after: Side, configured: Posture, progress: Callable[[int, int], None] = _silent) -> Diff:
    """Every workload of either side; one that only one side has is compared as that side describes it."""
    result = Diff(before.name, after.name)
    _note_unread(result, before, after)
    targets = before.opened.repository.targets(), after.opened.repository.targets()
    old = {target.name: target for target in targets[0] if not _shown(target, before, targets[1])}
    new = {target.name: target for target in targets[1] if not _shown(target, after, targets[0])}
    names = list(dict.fromkeys((*new, *old)))
    for name in names:
        progress(result.workloads, len(names))
        was, now = old.get(name) or new[name], new.get(name) or old[name]
        result.workloads += 1
        first, first_posture = before.compiled(was, configured)
        second, second_posture = after.compiled(now, configured)
        same_model = before.model is after.model
        if same_model and first.policies == second.policies and first_posture == second_posture and was == now:
            continue
        comparison = compare(first, second)
        for change in comparison.changes:
            result.changes.append(_change(change, now, before, after))
        for doubt in comparison.inconclusive:
            ops = ", ".join(doubt.ops)
            result.inconclusive.append(f"{name}: {ops}: {doubt.cause}")
    progress(len(names), len(names))
    return result


def _note_unread(result: Diff, before: Side, after: Side) -> None:
    """What cannot be read is told; where the sides differ in it, changes may be missing."""
    for side, other in ((before, after), (after, before)):
        known = {digest for _, digest in other.opened.unread}
        for path, digest in side.opened.unread:
            reason = f"{path} cannot be read whole: `hauberk lint {path}` says why"
            if digest not in known:
                result.inconclusive.append(f"{side.name}: {reason}")
            elif reason not in result.broken:
                result.broken.append(reason)


def _shown(target: Target, side: Side, others: Sequence[Target]) -> bool:
    """Whether a stand-in of one side is a workload that the manifests of the other side have."""
    if target.manifest is not None:
        return False
    real = [o.workload for o in others if o.manifest and o.workload.namespace == target.workload.namespace]
    if not real:
        return False
    candidates = side.opened.repository.candidates(target.workload)
    policies = [policy for policy in candidates if selects(side.model, policy, target.workload)]
    return any(all(selects(side.model, policy, workload) for policy in policies) for workload in real)


def _change(change: Change, target: Target, before: Side, after: Side) -> WorkloadChange:
    return WorkloadChange(
        target,
        change.op,
        change.direction.value,
        (before.model.value, after.model.value),
        change.witness,
        change.before,
        change.after,
        before.place(change.rule_before),
        after.place(change.rule_after),
        _extent(change),
        _who(change),
    )


def _extent(change: Change) -> str:
    extent, more = change.extent, change.more
    match extent.kind:
        case "path" | "value":
            text = f"only {extent.text}"
        case "name":
            text = f"programs named {extent.text}"
        case "pattern":
            text = f"what matches {extent.text}"
        case "directory":
            text = f"what lies directly in {extent.text}"
        case "below":
            text = f"everything below {extent.text}"
        case _:
            text = "everything that no other rule decides"
    if change.witness.target.startswith("/") and change.witness.target.count("/") > SEEN_COMPONENTS:
        text = f"{text}, in paths of more than {SEEN_COMPONENTS} components"
    return f"{text} ({more} more pairs of rules change for the same cause)" if more else text


def _who(change: Change) -> str:
    named = [source or "an unknown program" for source in change.sources]
    if change.common:
        return "every program that no rule names" + (f", and {', '.join(named[:3])}" if named else "")
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
