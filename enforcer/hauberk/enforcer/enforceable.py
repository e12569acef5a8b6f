"""Policies -> what the kernel gets, or every rule in them that it would not enforce (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.kernel.encode import NotEncodableError, encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.policies import Read, beyond
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.model import Model, Policy, Posture, Workload

_MOST_REASONS = 20


class UnenforceableError(RefusedError):
    """Rules that the kernel would not enforce: `reasons` are their places, and why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n  ".join(["nothing is changed, as not all of it can be enforced:", *reasons]))


def image_of(chosen: Sequence[Read], workload: Workload, posture: Posture, compiled: Compiled | None = None) -> Image:
    """The image of the policies that select the workload; `compiled` are their lists, where links were resolved.

    Raises:
        UnenforceableError: not all of it can be enforced, with places and reasons.

    """
    reasons = [reason for one in chosen for reason in beyond(one)]
    if not reasons:
        try:
            policies = [one.policy for one in chosen]
            return encode(compiled or compile_policies(Model.HAUBERK, policies, workload, posture))
        except NotEncodableError as error:
            if error.origin is None:
                reasons = [error.reason]
    reasons += [reason for one in chosen for reason in _reasons(one, workload, posture)]
    raise UnenforceableError(reasons[:_MOST_REASONS])


def _reasons(one: Read, workload: Workload, posture: Posture) -> Iterator[str]:
    """Each rule of a policy that cannot be enforced: found, taken out, and looked again."""
    policy = one.policy
    for _ in range(_MOST_REASONS):
        try:
            encode(compile_policies(Model.HAUBERK, [policy], workload, posture))
        except NotEncodableError as error:
            if error.origin is None:
                return
            entry = error.origin.entry
            yield f"{one.place(entry.pointer)}: {error.reason} (HB607)"
            policy = _without(policy, entry.id)
        else:
            return


def _without(policy: Policy, name: str) -> Policy:
    rules = tuple(rule for rule in policy.rules if rule.id != name)
    return replace(policy, rules=rules, presets=tuple(preset for preset in policy.presets if preset.id != name))
