"""The exact questions about one group of policies: which rules decide, what is open, where the models part.

Workloads that the same policies select under the same posture get the same answers, so they are asked once. The
answers are plain values that name policies and rules by number, and can be kept or sent to another process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from hauberk.policy.apparmor import partings
from hauberk.policy.arrival import MOST_ORDERS, orders, shares_keys
from hauberk.policy.compare import Change, compare
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.gaps import Gaps, gaps
from hauberk.policy.hiding import Hidings, hidings
from hauberk.policy.lists import Origin
from hauberk.policy.matching import SEEN_COMPONENTS
from hauberk.policy.model import Access, Directory, Model, Policy, Posture, Preset, Rule, Workload
from hauberk.policy.reach import Finding, Standing, reach
from hauberk.policy.removal import is_outside, same_stores
from hauberk.policy.rulings import OTHER_PROGRAM, Key, acting, key_of, names_in, ops_of
from hauberk.policy.wanted import Limit

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

_MODELS = Limit(weight=300_000, attempts=2, beyond=False)
"""What comparing the models may take up: it is asked for advice, not for a proof."""


def answers(group: Group, policies: Sequence[Policy], workload: Workload) -> Answers:
    """The answers for a group; `policies` are its members, `workload` any that they select."""
    asked = {model: [policies[number] for number in group.of(model)] for model in Model}
    spots = {
        key_of(Origin(policy, entry)): (number, position)
        for number, policy in enumerate(policies)
        for position, entry in enumerate(_entries(policy))
    }
    compiled = {model: compile_policies(model, asked[model], workload, group.posture) for model in Model}
    if sum(len(policy.rules) for policy in policies) > MOST_RULES:
        dead = _reach(group, asked, compiled, workload, whole=False)
        nothing: dict[Model, tuple[()]] = dict.fromkeys(Model, ())
        cause = f"more than {MOST_RULES:,} rules for one workload"
        return Answers(dead, frozenset(), nothing, nothing, nothing, (), (), (), (), (cause,))
    hints = names_in(policies)
    found = {model: gaps(one, hints) for model, one in compiled.items()}
    hiding = {model: hidings(one, hints) for model, one in compiled.items()}
    reached = _reach(group, asked, compiled, workload)
    for model, one in compiled.items():
        _add_shells(reached[model], one, spots)
    causes = {one.cause for side in reached.values() for one in side.values() if one.cause is not None}
    doubts = (*(one.inconclusive for one in found.values()), *(one.inconclusive for one in hiding.values()))
    causes.update(cause for cause in doubts if cause is not None)
    compared = compare(compiled[Model.KUBEARMOR], compiled[Model.HAUBERK], limit=_MODELS)
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
    group: Group,
    asked: Mapping[Model, Sequence[Policy]],
    compiled: Mapping[Model, Compiled],
    workload: Workload,
    *,
    whole: bool = True,
) -> dict[Model, dict[Spot, RuleReach]]:
    """By model what is to be said of rules; unless `whole` only which decide nothing."""
    found: dict[Model, dict[Spot, RuleReach]] = {}
    doubted: set[Spot] | None = None
    for model in (Model.HAUBERK, Model.KUBEARMOR):
        numbers = group.of(model)
        ask: set[Spot] | None = None if whole else set()
        if whole and doubted is not None:
            # what one model needs must stay, so only the rest is asked of the other
            places = {number: place for place, number in enumerate(numbers)}
            ask = {(places[number], position) for number, position in doubted if number in places}
        side = reach(model, asked[model], workload, group.posture, ask=ask, compiled=compiled[model])
        told = {(one.policy, one.rule): one for one in side if _says(one)}
        if model is Model.KUBEARMOR:
            told = _in_any_order(told, asked[model], group, workload, MOST_ORDERS if whole else 1)
        shown = len(told) if whole else MOST_SHOWN
        found[model] = {
            (numbers[policy], rule): _told(one, numbers, shown=place < shown)
            for place, ((policy, rule), one) in enumerate(told.items())
        }
        doubted = {spot for spot, one in found[model].items() if one.redundant}
    return found


def _in_any_order(
    told: Mapping[Spot, Finding], policies: Sequence[Policy], group: Group, workload: Workload, most: int
) -> dict[Spot, Finding]:
    """What still holds when the rule's own policy is the last to write."""
    kept = dict(told)
    claimed = [spot for spot, one in told.items() if one.standing is Standing.UNREACHABLE or one.redundant]
    found, untold = orders(policies, claimed, most)
    for spot in untold:
        # too many policies write the same: nothing is claimed
        del kept[spot]
    for order, rules in found.items():
        ask = {(order.index(policy), rule) for policy, rule in rules if told[policy, rule].redundant}
        others = reach(Model.KUBEARMOR, [policies[n] for n in order], workload, group.posture, ask=ask)
        for other in others:
            spot = order[other.policy], other.rule
            one = kept.get(spot) if spot in rules else None
            if one is None:
                continue
            standing = one.standing if one.standing is other.standing else Standing.REACHABLE
            merged = replace(one, standing=standing, redundant=bool(one.redundant and other.redundant))
            if _says(merged):
                kept[spot] = merged
            else:
                del kept[spot]
    return kept


def _says(one: Finding) -> bool:
    return one.standing in (Standing.UNREACHABLE, Standing.INCONCLUSIVE) or bool(one.redundant)


def _told(one: Finding, numbers: Sequence[int], *, shown: bool) -> RuleReach:
    cover = tuple((numbers[policy], position) for policy, position in one.covering)
    return RuleReach(one.standing, one.redundant is True, False, cover, one.covered if shown else None, one.cause)


_FRESH = "hauberk-fresh"
"""A name that no document mentions stands for all such names."""


def _add_shells(found: dict[Spot, RuleReach], compiled: Compiled, spots: Mapping[Key, Spot]) -> None:
    """Directories whose rule is reached by opening or removing the directory only: no name in it is decided by it."""
    for policy in compiled.policies:
        for rule in policy.rules:
            origin = Origin(policy, rule)
            known = found.get(spots[key_of(origin)])
            if isinstance(rule.matcher, Directory) and (known is None or known.standing is Standing.REACHABLE):
                shown = _over(origin, rule.matcher, compiled)
                if shown is not None:
                    access, over = shown
                    redundant = known is not None and known.redundant
                    cover = (spots[key_of(over)],)
                    found[spots[key_of(origin)]] = RuleReach(Standing.REACHABLE, redundant, True, cover, access)


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
    same = all(_same_without(model, group, asked[model], workload, chosen) for model in Model)
    return frozenset(chosen) if same else frozenset()


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
