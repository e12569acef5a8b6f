"""Which rules can decide or report anything, against every access of a small world."""

from __future__ import annotations

import pytest

from hauberk.policy.model import Model
from hauberk.policy.reach import Standing, reach
from policy.smallworlds import POD, SECTIONS, accesses, alerts, compiled, random_maker, without


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("seed", range(120))
def test_standing_and_redundancy_are_those_of_every_access(model: Model, seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies, posture = maker.policies(section), maker.posture()
    rules = compiled(model, policies, posture)
    tried = accesses(section, policies)
    decisions = [rules.decide(access) for access in tried]
    seen = {decision.rule for decision in decisions}
    seen |= {report.rule for decision in decisions for report in decision.reports}
    for found in reach(model, policies, POD, posture):
        name = found.origin.name
        assert found.standing is not Standing.INCONCLUSIVE
        if found.witness is None:
            assert name not in seen
            assert found.standing is not Standing.REACHABLE
        else:
            decision = rules.decide(found.witness)
            assert name in {decision.rule, *(report.rule for report in decision.reports)}
        fewer = without(policies, found.policy, found.rule)
        rest = compiled(model, fewer, posture)
        differs = any(
            alerts(rest.decide(access), fewer) != alerts(decision, policies)
            for access, decision in zip(tried, decisions, strict=True)
        )
        if found.needed is None:
            assert not differs
            assert found.redundant
        else:
            assert not found.redundant
            assert alerts(rest.decide(found.needed), fewer) != alerts(rules.decide(found.needed), policies)
