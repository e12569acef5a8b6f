"""What hangs on the order in which policies arrive.

The store of KubeArmor keeps what was written last, and a restart of the daemon can bring another order than the files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from graphlib import TopologicalSorter
from typing import get_args

from hauberk.policy.model import Domain, Policy
from hauberk.policy.semantics.store import fill, places_of

Place = tuple[int, int]
"""Numbers of a policy and of a rule in it."""

Order = tuple[int, ...]
"""Numbers of policies as they arrive."""


MOST_ORDERS = 3
"""Other orders that are tried for one group of policies, each as long as the first."""


def orders(
    policies: Sequence[Policy], rules: Collection[Place], most: int = MOST_ORDERS
) -> tuple[dict[Order, list[Place]], list[Place]]:
    """By another order than that given, the rules of which something has to hold in it too; and those left out.

    That is one in which the rule's own policy comes after all others that write a key of the rule: where its values
    stand, if they ever do. Rules whose policy is the last of these as it is are in none.
    """
    if len(policies) < 2 or not rules:
        return {}, []
    left = [(place, others) for place, others in _others(policies, rules).items() if others and place[0] < max(others)]
    found: dict[Order, list[Place]] = {}
    while left and len(found) < most:
        before: dict[int, set[int]] = {number: set() for number in range(len(policies))}
        for place, others in left:
            # one whose policy must come before another of these waits for the next order
            if not any(_precedes(before, place[0], other) for other in others):
                before[place[0]] |= others
        order = tuple(TopologicalSorter(before).static_order())
        at = {number: index for index, number in enumerate(order)}
        kept = [place for place, others in left if all(at[other] < at[place[0]] for other in others)]
        found[order] = kept
        left = [one for one in left if one[0] not in kept]
    return found, [place for place, _ in left]


def _others(policies: Sequence[Policy], rules: Collection[Place]) -> dict[Place, set[int]]:
    """By rule the other policies that write one of its keys."""
    keys: dict[Place, set[tuple[Domain, str, str]]] = {}
    for number, position in rules:
        policy = policies[number]
        rule = policy.rules[position]
        keys[number, position] = {(rule.domain, scope, text) for scope, text in places_of(policy, rule)}
    # the keys of other rules are no matter
    writers: dict[tuple[Domain, str, str], set[int]] = {key: set() for own in keys.values() for key in own}
    for number, policy in enumerate(policies):
        for rule in policy.rules:
            for scope, text in places_of(policy, rule):
                writing = writers.get((rule.domain, scope, text))
                if writing is not None:
                    writing.add(number)
    return {place: {number for key in own for number in writers[key]} - {place[0]} for place, own in keys.items()}


def _precedes(before: dict[int, set[int]], one: int, other: int) -> bool:
    """Whether `one` already has to come before `other`."""
    seen: set[int] = set()
    waiting = [other]
    while waiting:
        number = waiting.pop()
        if number == one:
            return True
        if number not in seen:
            seen.add(number)
            waiting.extend(before[number])
    return False


def shares_keys(policies: Sequence[Policy]) -> bool:
    """Whether two of the policies write one key, so that their order can matter at all."""
    for domain in get_args(Domain):
        seen: set[tuple[str, str]] = set()
        for policy in policies:
            own = {(scope, key) for scope, keys in fill(domain, [policy]).scopes.items() for key in keys}
            if not seen.isdisjoint(own):
                return True
            seen |= own
    return False
