"""A group asked part by part: what is to be said of its rules, and where the models may part.

Why that says the same as the lists of all rules together is told in `apart`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hauberk.policy.apart import Part, Spot, never_parts
from hauberk.policy.compare import read
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.differences import Difference, Differences
from hauberk.policy.known import Memory
from hauberk.policy.lists import Origin
from hauberk.policy.model import (
    Access,
    Directory,
    Domain,
    Model,
    Pattern,
    Policy,
    Posture,
    Program,
    Rule,
    Workload,
)
from hauberk.policy.reach import Standing, domain_reach
from hauberk.policy.removal import alerts, is_outside, shots
from hauberk.policy.rulings import acting, key_of, ops_of, said
from hauberk.policy.shells import shells
from hauberk.policy.wanted import Hints, Limit

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Said:
    """A `reach.Finding` with numbers for rules: of the policy, and of the rule in it; presets after the rules."""

    spot: Spot
    standing: Standing
    redundant: bool | None
    cover: tuple[Spot, ...]
    access: Access | None
    cause: str | None

    @property
    def tells(self) -> bool:
        """Whether there is something to say."""
        return self.standing in (Standing.UNREACHABLE, Standing.INCONCLUSIVE) or bool(self.redundant)


@dataclass(frozen=True, slots=True)
class Shell:
    """A directory whose rule decides nothing in it; `over` stands before it, at `access` for one."""

    spot: Spot
    access: Access
    over: Spot


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rules of one part in the order in which their policies arrive, by numbers in the group; `key` names it all."""

    policies: tuple[Policy, ...]
    numbers: tuple[int, ...]
    positions: tuple[tuple[int, ...], ...]
    key: Hashable

    def alone(self) -> list[Policy]:
        """The policies with no other rules, but with their presets."""
        return [
            replace(policy, rules=tuple(policy.rules[position] for position in own))
            for policy, own in zip(self.policies, self.positions, strict=True)
        ]

    def spot(self, spot: Spot) -> Spot:
        """The place in the group of what stands there in `alone`."""
        policy, entry = spot
        own = self.positions[policy]
        if entry >= len(own):
            entry += len(self.policies[policy].rules) - len(own)
            return self.numbers[policy], entry
        return self.numbers[policy], own[entry]


class Partly:
    """One group in parts. `of` are the policies that each model has, by their numbers, in order."""

    def __init__(
        self,
        policies: Sequence[Policy],
        of: dict[Model, list[int]],
        workload: Workload,
        posture: Posture,
        memory: Memory,
    ) -> None:
        self._policies = policies
        self._of = of
        self._workload = workload
        self._posture = posture
        self._memory = memory
        self.names = memory.names(policies)
        self._both = set(of[Model.HAUBERK]) & set(of[Model.KUBEARMOR])
        self._all = memory.regions.parts(policies, [number in self._both for number in range(len(policies))])
        self._parts = [part for part in self._all if not part.plain]

    def reach(
        self, model: Model, order: Sequence[int], ask: Collection[Spot] | None, only: Collection[Spot] | None = None
    ) -> list[Said]:
        """What `reach.reach` finds when the policies arrive in this order; of some rules `only` how they stand."""
        found: dict[Domain, list[Said]] = {}
        for part in self._parts:
            if only is None or any(spot in only for spot in part.rules):
                found.setdefault(part.domain, []).extend(self._reach(part, model, order, ask, only))
        if only is None:
            for domain, told in found.items():
                if any(one.standing is Standing.UNREACHABLE and self._is_pattern(one.spot) for one in told):
                    # which of the directories that it hits is the first to be shown hangs on all that names some
                    rules = [spot for part in self._all if part.domain == domain for spot in part.rules]
                    found[domain] = self._reach(Part(domain, tuple(sorted(rules))), model, order, ask, None)
        return sorted((one for told in found.values() for one in told), key=lambda one: one.spot)

    def _reach(
        self,
        part: Part,
        model: Model,
        order: Sequence[int],
        ask: Collection[Spot] | None,
        only: Collection[Spot] | None,
    ) -> list[Said]:
        cut = self._slice(part, order)
        if not any(cut.positions):
            return []
        # of the rules beside the part nothing is asked
        own = ask
        if part.beside:
            own = [spot for spot in part.rules if ask is None or spot in ask]
        asked, wanted = (None if spots is None else frozenset(self._within(cut, spots)) for spots in (own, only))
        key = ("reach", model, cut.key, asked, wanted)
        known = self._memory.recall(key, self.names, self._reacher(model, part.domain, cut, asked, wanted))
        return [
            Said(
                cut.spot(one.spot),
                one.standing,
                one.redundant,
                tuple(map(cut.spot, one.cover)),
                one.access,
                one.cause,
            )
            for one in known
            if cut.spot(one.spot) in part.rules
        ]

    def _is_pattern(self, spot: Spot) -> bool:
        matcher = self._policies[spot[0]].rules[spot[1]].matcher
        return isinstance(matcher, Pattern) or (isinstance(matcher, Program) and "*" in (matcher.path or ""))

    def access(self, model: Model, said: Said) -> Access | None:  # noqa: ARG002  as all at once are asked
        """One that the rule matches and others decide."""
        return said.access

    def shells(self, model: Model) -> Iterator[Shell]:
        """Directories that are opened or removed by their rule, while others decide all names in them."""
        for part in self._parts:
            if any(isinstance(self._policies[n].rules[position].matcher, Directory) for n, position in part.rules):
                cut = self._slice(part, self._of[model])
                for one in self._memory.recall(("shells", model, cut.key), self.names, self._sheller(model, cut)):
                    if cut.spot(one.spot) in part.rules:
                        yield Shell(cut.spot(one.spot), one.access, cut.spot(one.over))

    def loud(self) -> list[Domain]:
        """The domains in which the models may part by a rule that both have."""
        found: dict[Domain, None] = {}
        for part in self._parts:
            if part.domain not in found and not self._is_quiet(part):
                cuts = [self._slice(part, self._of[model]) for model in Model]
                key = ("loud", *(cut.key for cut in cuts))
                if self._memory.recall(key, self.names, self._louder(part.domain, cuts)):
                    found[part.domain] = None
        return list(found)

    def _is_quiet(self, part: Part) -> bool:
        alike = part.apart and not part.beside and all(number in self._both for number, _ in part.rules)
        return alike and never_parts(self._policies[number].rules[position] for number, position in part.rules)

    # -- one part

    def _slice(self, part: Part, order: Sequence[int]) -> _Slice:
        """The part's rules by policies in their order, and the presets, which can stand before any rule."""
        own: dict[int, list[int]] = {}
        for number, position in sorted({*part.rules, *part.beside}):
            own.setdefault(number, []).append(position)
        numbers = tuple(number for number in order if number in own or self._policies[number].presets)
        policies = tuple(self._policies[number] for number in numbers)
        positions = tuple(tuple(own.get(number, ())) for number in numbers)
        rows = tuple(zip(map(id, policies), positions, strict=True))
        namespace = self._workload.namespace if part.domain == "dns" else None
        posture = self._posture.of(part.domain)
        return _Slice(policies, numbers, positions, (part.domain, rows, posture, namespace))

    @staticmethod
    def _within(cut: _Slice, spots: Collection[Spot]) -> Iterator[Spot]:
        for index, (number, own) in enumerate(zip(cut.numbers, cut.positions, strict=True)):
            for place, position in enumerate(own):
                if (number, position) in spots:
                    yield index, place

    def _compile(self, model: Model, cut: _Slice) -> tuple[list[Policy], Compiled]:
        alone = cut.alone()
        return alone, compile_policies(model, alone, self._workload, self._posture)

    def _reacher(
        self,
        model: Model,
        domain: Domain,
        cut: _Slice,
        asked: Collection[Spot] | None,
        wanted: Collection[Spot] | None,
    ) -> Callable[[Hints], list[Said]]:
        def work_out(hints: Hints) -> list[Said]:
            alone, compiled = self._compile(model, cut)
            left, shown = wanted, list[Said]()
            if wanted is not None:
                left = {spot for spot in wanted if not self._shows(compiled, alone, spot, asked)}
                shown = [Said(spot, Standing.REACHABLE, False, (), None, None) for spot in wanted if spot not in left]
                if not left:
                    return shown
            found = domain_reach(compiled, domain, alone, self._workload, self._posture, Limit(), asked, hints, left)
            shown += (
                Said((one.policy, one.rule), one.standing, one.redundant, one.covering, one.covered, one.cause)
                for one in found
            )
            return shown

        return work_out

    def _shows(self, compiled: Compiled, alone: Sequence[Policy], spot: Spot, asked: Collection[Spot] | None) -> bool:
        """Whether a rule shows by the path that it names that it is reached and, if that is asked, needed.

        An access that it decides is what a search would look for; most rules have one, and need no search.
        """
        policy = alone[spot[0]]
        rule = policy.rules[spot[1]]
        mine = key_of(Origin(policy, rule))
        for access in shots(rule, ops_of(rule.domain)):
            if any(key_of(origin) == mine for origin in acting(compiled, access)):
                if asked is not None and spot not in asked:
                    return True
                fewer = replace(policy, rules=tuple(one for one in policy.rules if one is not rule))
                left = [fewer if one is policy else one for one in alone]
                without = compile_policies(compiled.model, left, self._workload, self._posture)
                return alerts(said(compiled, access)) != alerts(said(without, access))
        return False

    def _sheller(self, model: Model, cut: _Slice) -> Callable[[Hints], list[Shell]]:
        def work_out(_: Hints) -> list[Shell]:
            alone, compiled = self._compile(model, cut)
            return [Shell(*one) for one in shells(compiled, alone)]

        return work_out

    def _louder(self, domain: Domain, cuts: Sequence[_Slice]) -> Callable[[Hints], bool]:
        def work_out(hints: Hints) -> bool:
            sides = dict(zip(Model, cuts, strict=True))
            before = self._compile(Model.KUBEARMOR, sides[Model.KUBEARMOR])[1]
            after = self._compile(Model.HAUBERK, sides[Model.HAUBERK])[1]
            differences = Differences(before, after, ops_of(domain), read, hints, MODELS)
            return any(map(may_part, differences)) or bool(differences.doubts)

        return work_out


MODELS = Limit(weight=300_000, attempts=2, beyond=False)
"""What comparing the models may take up: it is asked for advice, not for a proof."""


def may_part(one: Difference) -> bool:
    """Whether the difference of the models is one to tell of, looked at by itself."""
    if one.before.verdict is one.after.verdict or one.access.source is None or one.access.how == "chown":
        return False
    origin = one.after.origin or one.before.origin
    return (
        origin is not None
        and isinstance(origin.entry, Rule)
        and not is_outside(Model.KUBEARMOR, origin.policy, origin.entry)
    )
