"""Rules for directories that decide nothing in them: only opening or removing the directory itself is theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from hauberk.policy.decision import Compiled
from hauberk.policy.lists import Origin
from hauberk.policy.model import Access, Directory, Policy, Preset, Rule
from hauberk.policy.removal import is_outside
from hauberk.policy.rulings import OTHER_PROGRAM, Key, acting, key_of, ops_of

Spot = tuple[int, int]

_FRESH = "hauberk-fresh"
"""A name that no document mentions stands for all such names."""


def shells(compiled: Compiled, policies: Sequence[Policy]) -> Iterator[tuple[Spot, Access, Spot]]:
    """Where such a rule stands, an access that others decide, and the rule that does; all of them in `policies`.

    Whether a rule is reached at all is not asked.
    """
    spots: dict[Key, Spot] = {
        key_of(Origin(policy, entry)): (number, position)
        for number, policy in enumerate(policies)
        for position, entry in enumerate(_entries(policy))
    }
    for policy in compiled.policies:
        for rule in policy.rules:
            if isinstance(rule.matcher, Directory):
                origin = Origin(policy, rule)
                shown = _over(origin, rule.matcher, compiled)
                if shown is not None:
                    yield spots[key_of(origin)], shown[0], spots[key_of(shown[1])]


def _entries(policy: Policy) -> tuple[Rule | Preset, ...]:
    return (*policy.rules, *policy.presets)


def _over(origin: Origin, matcher: Directory, compiled: Compiled) -> tuple[Access, Origin] | None:
    """What stands before the rule for every fresh name in its directory, with an access; None if nothing does."""
    rule = origin.entry
    if not isinstance(rule, Rule) or is_outside(compiled.model, origin.policy, rule) or not matcher.dir.endswith("/"):
        return None
    shown: tuple[Access, Origin] | None = None
    for source in [source for source in rule.sources if source] or [OTHER_PROGRAM]:
        for name in (_FRESH, f"{_FRESH}/{_FRESH}")[: 1 + matcher.recursive]:
            for op, uid in product(ops_of(rule.domain), (0, 1000)):
                access = Access(op, target=f"{matcher.dir}{name}", source=source, parent_source=source, uid=uid)
                deciding = acting(compiled, access)
                if any(key_of(one) == key_of(origin) for one in deciding):
                    return None
                if shown is None and deciding:
                    shown = access, deciding[0]
    if shown is None:
        return None
    access, over = shown
    return replace(access, target=f"{matcher.dir}x"), over
