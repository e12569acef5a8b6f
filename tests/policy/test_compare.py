"""What changes between two rule sets, against every access of a small world."""

from __future__ import annotations

import pytest

from hauberk.policy.compare import Direction, compare
from hauberk.policy.decision import Compiled
from hauberk.policy.model import Access, Model, Op, Verdict
from policy.smallworlds import SECTIONS, accesses, compiled, random_maker


def verdicts_change(before: Compiled, after: Compiled, tried: list[Access]) -> set[tuple[Op, Direction]]:
    found: set[tuple[Op, Direction]] = set()
    for access in tried:
        old, new = before.decide(access).verdict, after.decide(access).verdict
        if old is not new:
            found.add((access.op, Direction.WIDENED if new is Verdict.ALLOWED else Direction.NARROWED))
    return found


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("seed", range(150))
def test_changes_are_those_of_every_access(model: Model, seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies = maker.policies(section)
    later = maker.changed(policies, section)
    posture = maker.posture()
    before, after = compiled(model, policies, posture), compiled(model, later, posture)
    comparison = compare(before, after)
    if comparison.inconclusive:
        pytest.fail(f"so small a world must be decided: {comparison.inconclusive}")
    said = {
        (change.op, change.direction) for change in comparison.changes if change.direction is not Direction.REPORTED
    }
    missing = verdicts_change(before, after, accesses(section, [*policies, *later])) - said
    assert not missing
    for change in comparison.changes:
        old, new = before.decide(change.witness), after.decide(change.witness)
        assert (old, new) == (change.before, change.after)
        assert (old.verdict is not new.verdict) == (change.direction is not Direction.REPORTED)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_changes_between_a_set_and_itself_in_another_order(seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies, posture = maker.policies(section), maker.posture()
    before = compiled(Model.HAUBERK, policies, posture)
    assert compare(before, compiled(Model.HAUBERK, policies, posture)).changes == ()
