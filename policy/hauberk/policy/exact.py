"""The exact questions about one group of policies: which rules decide, what is open, where the models part.

Workloads that the same policies select under the same posture get the same answers, so they are asked once. The
answers are plain values that name policies and rules by number, and can be kept or sent to another process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hauberk.policy.apparmor import partings
from hauberk.policy.arrival import MOST_ORDERS, orders, shares_keys
from hauberk.policy.atonce import AtOnce
from hauberk.policy.compare import Change, compare
from hauberk.policy.decision import compile_policies
from hauberk.policy.gaps import Gaps, gaps
from hauberk.policy.hiding import Hidings, hidings
from hauberk.policy.known import Memory
from hauberk.policy.lists import Origin
from hauberk.policy.matching import SEEN_COMPONENTS
from hauberk.policy.model import Access, Action, Domain, Model, Policy, Posture, Preset, Rule, Workload
from hauberk.policy.partly import MODELS, Partly, Said, Shell
from hauberk.policy.reach import Standing
from hauberk.policy.removal import is_outside, same_stores
from hauberk.policy.rulings import Key, key_of

Spot = tuple[int, int]
"""Number of a policy among those of its group, and of its rule; presets are numbered after the rules."""


@dataclass(frozen=True, slots=True)
class Group:
    """The policies that select a workload, each with whether it does under each model; the rest is what else decides.

    `members` are numbers in the repository, in its order.
    """

    members: tuple[int, ...]
    hauberk: tuple[bool, ...]
    kubearmor: tuple[bool, ...]
    posture: Posture
    namespace: str | None

    def of(self, model: Model) -> list[int]:
        """The members that select the workload under a model, by their number in the group."""
        chosen = self.hauberk if model is Model.HAUBERK else self.kubearmor
        return [number for number, selected in enumerate(chosen) if selected]


@dataclass(frozen=True, slots=True)
class RuleReach:
    """Of a rule about which there is something to say; `access` is one that it matches and others decide.

    `shell`: it decides about its directory as a file, and nothing in it.
    """

    standing: Standing
    redundant: bool
    shell: bool = False
    cover: tuple[Spot, ...] = ()
    access: Access | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """An asset that the rule at `spot` gives to some, and an access by another that passes; see `gaps.OpenAsset`."""

    spot: Spot
    access: Access
    through: Spot | None
    reported: bool
    when: str


@dataclass(frozen=True, slots=True)
class Drop:
    """See `gaps.DropPlace`."""

    spot: Spot
    write: Access
    run: Access
    through: Spot | None


@dataclass(frozen=True, slots=True)
class Parted:
    """An access that the two models decide otherwise, and the rules by which they do."""

    spot: Spot
    access: Access
    hauberk: tuple[str, Spot | None]
    kubearmor: tuple[str, Spot | None]


@dataclass(frozen=True, slots=True)
class OnAppArmor:
    """See `apparmor.Parting`."""

    spot: Spot
    topic: str
    access: Access
    bpf: str
    apparmor: str


@dataclass(frozen=True, slots=True)
class Hides:
    spot: Spot
    block: Spot
    access: Access


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything about one group; a rule that decides something and is needed is not in `reach`."""

    reach: Mapping[Model, Mapping[Spot, RuleReach]]
    removable: frozenset[Spot]
    opened: Mapping[Model, tuple[Open, ...]]
    drops: Mapping[Model, tuple[Drop, ...]]
    hides: Mapping[Model, tuple[Hides, ...]]
    unopened: tuple[tuple[Spot, Access, bool], ...]
    ends: tuple[Access, ...]
    parted: tuple[Parted, ...]
    apparmor: tuple[OnAppArmor, ...]
    inconclusive: tuple[str, ...]


MOST_RULES = 1_000
"""Rules for one workload of which everything is asked, which takes some seconds; of more only which decide nothing."""

MOST_SHOWN = 500
"""Of the rules of such a workload that decide nothing those with a witness, which a long list decides once more."""


def answers(group: Group, policies: Sequence[Policy], workload: Workload, memory: Memory | None = None) -> Answers:
    """The answers for a group; `policies` are its members, `workload` any that they select.

    With a `memory` the rules are asked in parts, and what it has of them is taken from it; without one all at once.
    """
    of = {model: group.of(model) for model in Model}
    asked = {model: [policies[number] for number in of[model]] for model in Model}
    compiled = {model: compile_policies(model, asked[model], workload, group.posture) for model in Model}
    if sum(len(policy.rules) for policy in policies) > MOST_RULES:
        dead = _reach(group, asked, AtOnce(policies, of, workload, group.posture, compiled), whole=False)
        nothing: dict[Model, tuple[()]] = dict.fromkeys(Model, ())
        cause = f"more than {MOST_RULES:,} rules for one workload"
        return Answers(dead, frozenset(), nothing, nothing, nothing, (), (), (), (), (cause,))
    asker: AtOnce | Partly
    if memory is None:
        asker = AtOnce(policies, of, workload, group.posture, compiled)
    else:
        asker = Partly(policies, of, workload, group.posture, memory)
    spots = {
        key_of(Origin(policy, entry)): (number, position)
        for number, policy in enumerate(policies)
        for position, entry in enumerate(_entries(policy))
    }
    hints = asker.names
    found = {model: gaps(one, hints) for model, one in compiled.items()}
    hiding = {model: hidings(one, hints) for model, one in compiled.items()}
    reached = _reach(group, asked, asker, whole=True)
    for model in Model:
        _add_shells(reached[model], asker.shells(model))
    causes = {one.cause for side in reached.values() for one in side.values() if one.cause is not None}
    doubts = (*(one.inconclusive for one in found.values()), *(one.inconclusive for one in hiding.values()))
    causes.update(cause for cause in doubts if cause is not None)
    domains = asker.loud()
    compared = compare(compiled[Model.KUBEARMOR], compiled[Model.HAUBERK], limit=MODELS, domains=domains)
    causes.update(one.cause for one in compared.inconclusive)
    own = found[Model.HAUBERK]
    return Answers(
        reached,
        _removable(group, asked, workload, reached),
        {model: _opened(one, spots) for model, one in found.items()},
        {model: _drops(one, spots) for model, one in found.items()},
        {model: _hides(one, spots) for model, one in hiding.items()},
        tuple((spots[key_of(one.rule)], one.read, one.denied) for one in own.unopened),
        own.ends,
        tuple(_parted(compared.changes, spots)),
        tuple(
            OnAppArmor(spots[key_of(one.rule)], one.topic, one.access, one.bpf.value, one.apparmor.value)
            for one in partings(compiled[Model.KUBEARMOR])
        ),
        tuple(sorted(causes)),
    )


def _entries(policy: Policy) -> tuple[Rule | Preset, ...]:
    return (*policy.rules, *policy.presets)


def _reach(
    group: Group, asked: Mapping[Model, Sequence[Policy]], asker: AtOnce | Partly, *, whole: bool
) -> dict[Model, dict[Spot, RuleReach]]:
    """By model what is to be said of rules; unless `whole` only which decide nothing."""
    found: dict[Model, dict[Spot, RuleReach]] = {}
    # what one model needs must stay, so only the rest is asked of the other
    ask: set[Spot] | None = None if whole else set()
    for model in (Model.HAUBERK, Model.KUBEARMOR):
        numbers = group.of(model)
        told = {one.spot: one for one in asker.reach(model, numbers, ask) if one.tells}
        if model is Model.KUBEARMOR:
            told = _in_any_order(told, asked[model], numbers, asker, MOST_ORDERS if whole else 1)
        shown = len(told) if whole else MOST_SHOWN
        found[model] = {
            spot: RuleReach(
                one.standing,
                one.redundant is True,
                False,
                one.cover,
                asker.access(model, one) if place < shown else None,
                one.cause,
            )
            for place, (spot, one) in enumerate(told.items())
        }
        if whole:
            ask = {spot for spot, one in found[model].items() if one.redundant}
    return found


def _in_any_order(
    told: Mapping[Spot, Said], policies: Sequence[Policy], numbers: Sequence[int], asker: AtOnce | Partly, most: int
) -> dict[Spot, Said]:
    """What still holds when the rule's own policy is the last to write."""
    kept = dict(told)
    places = {number: place for place, number in enumerate(numbers)}
    claimed = [
        (places[number], rule)
        for (number, rule), one in told.items()
        if one.standing is Standing.UNREACHABLE or one.redundant
    ]
    found, untold = orders(policies, claimed, most)
    for place, rule in untold:
        # too many policies write the same: nothing is claimed
        del kept[numbers[place], rule]
    for order, claims in found.items():
        rules = {(numbers[place], rule) for place, rule in claims}
        ask = {spot for spot in rules if told[spot].redundant}
        for other in asker.reach(Model.KUBEARMOR, [numbers[place] for place in order], ask, rules):
            one = kept.get(other.spot) if other.spot in rules else None
            if one is None:
                continue
            standing = one.standing if one.standing is other.standing else Standing.REACHABLE
            merged = replace(one, standing=standing, redundant=bool(one.redundant and other.redundant))
            if merged.tells:
                kept[other.spot] = merged
            else:
                del kept[other.spot]
    return kept


def _add_shells(found: dict[Spot, RuleReach], shells: Iterable[Shell]) -> None:
    """Directories whose rule is reached by opening or removing the directory only: no name in it is decided by it."""
    for shell in shells:
        known = found.get(shell.spot)
        if known is None or known.standing is Standing.REACHABLE:
            redundant = known is not None and known.redundant
            found[shell.spot] = RuleReach(Standing.REACHABLE, redundant, True, (shell.over,), shell.access)


def _removable(
    group: Group,
    asked: Mapping[Model, Sequence[Policy]],
    workload: Workload,
    reached: Mapping[Model, Mapping[Spot, RuleReach]],
) -> frozenset[Spot]:
    """Rules of which any number can go without a change; shown by comparing what is left, not by what is known of each.

    All that decide nothing. Only where there is none, one that repeats others: without it another may be needed.
    """
    both = {
        spot
        for spot in {*reached[Model.HAUBERK], *reached[Model.KUBEARMOR]}
        if all(spot[0] not in group.of(model) or _is_redundant(reached[model], spot) for model in Model)
    }
    dead = {
        spot
        for spot in both
        if all(_standing(reached[m], spot) in (None, Standing.UNREACHABLE, Standing.OUTSIDE) for m in Model)
        and any(_standing(reached[m], spot) is Standing.UNREACHABLE for m in Model)
    }
    others = sorted(both - dead)
    chosen = dead or set(others[-1:])
    same = all(
        (model is Model.HAUBERK and _changes_nothing(asked[model], group.of(model), chosen, one=not dead))
        or _same_without(model, group, asked[model], workload, chosen)
        for model in Model
    )
    return frozenset(chosen) if same else frozenset()


def _changes_nothing(policies: Sequence[Policy], numbers: Sequence[int], spots: Collection[Spot], *, one: bool) -> bool:
    """Whether it is known by what was said of each rule that nothing changes in hauberk's model without them.

    Of `one` that repeats others that was just shown. Of several none ever decides or reports: the entry that decides
    an access stays, whichever of the others go, and so does the end of a list while its domain has an Allow rule.
    """
    if one:
        return True
    gone = {(numbers.index(number), position) for number, position in spots if number in numbers}
    allows: set[Domain] = set()
    left: set[Domain] = set()
    for number, policy in enumerate(policies):
        for position, rule in enumerate(policy.rules):
            if rule.action is Action.ALLOW:
                (allows if (number, position) in gone else left).add(rule.domain)
    return allows <= left


def _is_redundant(side: Mapping[Spot, RuleReach], spot: Spot) -> bool:
    one = side.get(spot)
    return one is not None and one.redundant


def _standing(side: Mapping[Spot, RuleReach], spot: Spot) -> Standing | None:
    one = side.get(spot)
    return None if one is None else one.standing


def _same_without(
    model: Model, group: Group, policies: Sequence[Policy], workload: Workload, spots: Collection[Spot]
) -> bool:
    if not spots:
        return True
    gone: dict[int, set[int]] = {}
    for number, position in spots:
        gone.setdefault(number, set()).add(position)
    left = [
        replace(policy, rules=tuple(r for n, r in enumerate(policy.rules) if n not in gone.get(number, ())))
        for number, policy in zip(group.of(model), policies, strict=True)
    ]
    if model is Model.KUBEARMOR and same_stores(policies, left):
        return True
    either_way = model is Model.KUBEARMOR and shares_keys(policies)
    for step in (1, -1)[: 1 + either_way]:
        sides = [compile_policies(model, side[::step], workload, group.posture) for side in (list(policies), left)]
        found = compare(*sides)
        if found.changes or found.inconclusive:
            return False
    return True


def _opened(found: Gaps, spots: Mapping[Key, Spot]) -> tuple[Open, ...]:
    return tuple(
        Open(spots[key_of(one.rule)], one.access, _spot(one.through, spots), one.reported, one.when)
        for one in found.open_assets
    )


def _drops(found: Gaps, spots: Mapping[Key, Spot]) -> tuple[Drop, ...]:
    return tuple(
        Drop(spots[key_of(one.rule)], one.write, one.run, _spot(one.through, spots)) for one in found.drop_places
    )


def _hides(found: Hidings, spots: Mapping[Key, Spot]) -> tuple[Hides, ...]:
    return tuple(Hides(spots[key_of(one.rule)], spots[key_of(one.block)], one.access) for one in found.found)


def _spot(origin: Origin | None, spots: Mapping[Key, Spot]) -> Spot | None:
    return None if origin is None else spots[key_of(origin)]


def _parted(changes: Iterable[Change], spots: Mapping[Key, Spot]) -> Iterable[Parted]:
    """One access for each rule that both models have; what every rule of a kind differs in is left to other rules."""
    seen: set[Spot] = set()
    for change in changes:
        witness = change.witness
        if change.before.verdict is change.after.verdict or witness.source is None or _by_another(witness):
            continue
        if witness.how == "chown" or witness.target.count("/") > SEEN_COMPONENTS:
            continue
        origin = change.rule_after or change.rule_before
        if origin is None or not isinstance(origin.entry, Rule):
            continue
        spot = spots[key_of(origin)]
        if spot in seen or is_outside(Model.KUBEARMOR, origin.policy, origin.entry):
            continue
        seen.add(spot)
        yield Parted(
            spot,
            change.witness,
            (change.after.verdict.value, _spot(change.rule_after, spots)),
            (change.before.verdict.value, _spot(change.rule_before, spots)),
        )


def _by_another(access: Access) -> bool:
    """Whether the program that asks and the one that started it matter, which the models call source by turns."""
    return access.op == "exec" and access.parent_source != access.source
