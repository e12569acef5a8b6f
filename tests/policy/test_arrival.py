"""Orders of arrival, and that what is said of KubeArmor's store holds in them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from hauberk.policy.arrival import MOST_ORDERS, orders, shares_keys
from hauberk.policy.exact import Group, answers
from hauberk.policy.model import Model, Policy, Posture
from hauberk.policy.parse import parse_policy
from hauberk.policy.reach import Standing, reach
from policy.smallworlds import POD, random_maker

BLOCK = Posture("block", "block", "block")


def policy(name: str, action: str, *paths: str, **flags: Any) -> Policy:
    rules = [{"path": path, **flags} for path in paths]
    spec = {"action": action, "file": {"matchPaths": rules}}
    found = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": name}, "spec": spec})
    assert found is not None
    return found


def test_the_policy_of_each_rule_comes_last_once() -> None:
    policies = [policy("a", "Block", "/x", "/y"), policy("b", "Allow", "/x"), policy("c", "Block", "/z")]
    assert shares_keys(policies)
    found, untold = orders(policies, [(0, 0), (0, 1), (1, 0), (2, 0)])
    assert untold == []
    ((order, rules),) = found.items()
    assert rules == [(0, 0)]
    assert order.index(0) > order.index(1)


def test_too_many_writers_of_one_key_are_left_out() -> None:
    policies = [policy(str(number), "Block", "/x") for number in range(MOST_ORDERS + 3)]
    found, untold = orders(policies, [(number, 0) for number in range(len(policies))])
    assert len(found) == MOST_ORDERS
    assert len(untold) == 2
    told = {place for rules in found.values() for place in rules}
    assert told.isdisjoint(untold)


def test_policies_that_share_nothing() -> None:
    policies = [policy("a", "Block", "/x"), policy("b", "Allow", "/y")]
    assert not shares_keys(policies)
    assert orders(policies, [(0, 0), (1, 0)]) == ({}, [])


def group(count: int) -> Group:
    return Group(tuple(range(count)), (True,) * count, (True,) * count, BLOCK, POD.namespace)


def test_a_rule_that_another_policy_replaces_is_not_dead_if_it_may_come_last() -> None:
    policies = [policy("a", "Block", "/x"), policy("b", "Allow", "/x")]
    (first, _) = reach(Model.KUBEARMOR, policies, POD, BLOCK)
    assert first.standing is Standing.UNREACHABLE, "in the order of the files"
    assert answers(group(2), policies, POD).reach[Model.KUBEARMOR] == {}


@pytest.mark.parametrize("seed", range(60))
def test_what_is_said_to_be_dead_is_dead_whichever_of_two_comes_last(seed: int) -> None:
    maker = random_maker(4000 + seed)
    section = ("file", "process")[seed % 2]
    policies = [*maker.policies(section), *maker.policies(section)][:3]
    said = answers(group(len(policies)), policies, POD).reach[Model.KUBEARMOR]
    dead = {spot for spot, one in said.items() if one.standing is Standing.UNREACHABLE}
    for order in permutations(range(len(policies))):
        placed = [policies[number] for number in order]
        for one in reach(Model.KUBEARMOR, placed, POD, BLOCK):
            spot = order[one.policy], one.rule
            last = order[-1] == spot[0] or order == tuple(range(len(policies)))
            if spot in dead and last:
                assert one.standing is Standing.UNREACHABLE, (order, one.origin.name)
