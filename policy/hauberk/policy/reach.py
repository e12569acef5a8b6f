"""Which rules decide anything, which are covered by others, and which could be left out.

A rule is asked in all operations of its domain, for every class of sources and every way to meet or miss
conditions. It is reachable when it decides some access (an Audit rule: when it reports one), redundant when
without it every access has the same verdict and the same alerts. Alerts are compared by what they say (policy,
action, severity, tags, message), not by the place of the rule that is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hauberk.policy.covers import Covers
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.listed import Ruled
from hauberk.policy.lists import Origin
from hauberk.policy.model import Access, Domain, Model, Policy, Posture, Rule, Workload
from hauberk.policy.reachlists import DomainLists
from hauberk.policy.reachsearch import DomainReach
from hauberk.policy.removal import Removal, entangled, is_outside
from hauberk.policy.rulings import Key, acting, key_of, names_in, sources_of
from hauberk.policy.targets import Targets
from hauberk.policy.wanted import Hints, Limit

_DOMAINS: tuple[Domain, ...] = ("process", "file", "network", "dns", "capabilities")
_MOST_REMOVALS = 100_000
"""Rules read again, for each program that is asked about, to see what a domain says without one of them."""


class Standing(StrEnum):
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    INCONCLUSIVE = "inconclusive"
    OUTSIDE = "outside"
    """The model has no such rule: kubearmor's has neither Audit rules nor patterns."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of the rule `policies[policy].rules[rule]`.

    `cover` are the rules that decide instead, those of another action first; none if nothing that exists matches.
    `covering` has their numbers, of policy and rule; presets are numbered after the rules. `redundant` is None when
    that cannot be told or was not asked; `needed` is an access that would change without the rule. `cause` is what
    made an answer impossible: a pattern, if one is at fault.
    """

    policy: int
    rule: int
    origin: Origin
    standing: Standing
    redundant: bool | None
    cover: tuple[Origin, ...] = ()
    covering: tuple[tuple[int, int], ...] = ()
    cause: str | None = None
    _witness: Access | None = field(default=None, repr=False)
    _covered: Access | None = field(default=None, repr=False)
    needed: Access | None = None
    _compiled: Compiled | None = field(default=None, repr=False, compare=False)

    @property
    def witness(self) -> Access | None:
        """An access that a reachable rule decides or reports, confirmed by the lists as they are."""
        if self._witness is not None and not self._acts(self._witness):
            raise RuntimeError(f"{self.origin.name} does not decide its witness {self._witness}")
        return self._witness

    @property
    def covered(self) -> Access | None:
        """An access that an unreachable rule matches, confirmed to be decided by something else."""
        if self._covered is not None and self._acts(self._covered):
            raise RuntimeError(f"{self.origin.name} decides what should be covered: {self._covered}")
        return self._covered

    def _acts(self, access: Access) -> bool:
        if self._compiled is None:
            return False
        decision = self._compiled.decide(access)
        name = self.origin.name
        if decision.rule != name and all(report.rule != name for report in decision.reports):
            return False
        # two policies may have one name
        return any(key_of(origin) == key_of(self.origin) for origin in acting(self._compiled, access))


def reach(
    model: Model,
    policies: Sequence[Policy],
    workload: Workload,
    posture: Posture,
    *,
    limit: Limit | None = None,
    ask: Collection[tuple[int, int]] | None = None,
    compiled: Compiled | None = None,
) -> tuple[Finding, ...]:
    """One finding for each rule of the policies that select the workload, in their order.

    `ask` are the rules, by policy and number, of which to find out whether they are redundant; None is all.
    `compiled` are the lists of just these policies, none of them given twice, if they are there already.
    """
    # a policy given twice is two policies, and rules are told apart by identity
    own = list(policies) if compiled is not None else [replace(policy) for policy in policies]
    compiled = compiled or compile_policies(model, own, workload, posture)
    hints = names_in(compiled.policies)
    found = [
        finding
        for domain in _DOMAINS
        for finding in domain_reach(compiled, domain, own, workload, posture, limit or Limit(), ask, hints)
    ]
    return tuple(sorted(found, key=lambda finding: (finding.policy, finding.rule)))


def domain_reach(
    compiled: Compiled,
    domain: Domain,
    policies: Sequence[Policy],
    workload: Workload,
    posture: Posture,
    limit: Limit,
    ask: Collection[tuple[int, int]] | None,
    hints: Hints,
    only: Collection[tuple[int, int]] | None = None,
) -> Iterator[Finding]:
    """The findings of one domain, see `reach`; `only` of some rules, and then without what covers them."""
    model = compiled.model
    places: dict[Key, tuple[int, int]] = {}
    rules: dict[Key, Ruled] = {}
    knots = entangled(model, compiled.policies, domain)
    selecting = {id(policy) for policy in compiled.policies}
    entries: dict[Key, tuple[int, int]] = {}
    for number, policy in enumerate(policies):
        if id(policy) not in selecting:
            continue
        for position, rule in enumerate(policy.rules):
            if rule.domain == domain:
                key = (id(policy), id(rule))
                places[key] = entries[key] = (number, position)
                asked = ask is None or (number, position) in ask
                rules[key] = Ruled(Origin(policy, rule), len(rules), key in knots, asked)
        for position, preset in enumerate(policy.presets, len(policy.rules)):
            entries[id(policy), id(preset)] = (number, position)
    if not rules:
        return
    removal = Removal(compiled, compiled.policies, workload, posture, hints, limit)

    def alone(rule: Ruled) -> Compiled | None:
        return removal.only(rule.origin) if rule.entangled and model is Model.KUBEARMOR else None

    wanted: set[int] | None = None
    named: set[str | None] | None = None
    if only is not None:
        # what a rule for everybody decides under a source that has rules of its own it decides for the others, too:
        # all that is particular to a source stands before it
        asked_of = [rule for key, rule in rules.items() if places[key] in only]
        wanted = {rule.place for rule in asked_of}
        named = {source for rule in asked_of for source in sources_of(rule.origin)}
    lists = DomainLists(compiled, domain, rules, hints, limit, named)
    covers = Covers(lists, alone) if only is None else None
    DomainReach(lists).search(wanted)
    targets = lists.targets
    exhausted = targets.exhausted
    standings = {key: _standing(model, rule, targets, exhausted) for key, rule in rules.items()}
    dead = [rule for key, rule in rules.items() if standings[key] is Standing.UNREACHABLE]
    if dead and covers is not None:
        covers.find(dead)
        for ruled in dead:
            if model is Model.KUBEARMOR and ruled.entangled:
                replacing = sorted(rules[key].place for key in removal.replacing(ruled.origin))
                ruled.candidates.update((frozenset((place,)), None) for place in replacing)
    ordered = list(rules.values())
    removals = _MOST_REMOVALS // (len(rules) * max(1, len({actor.source for _, actor in lists.actors})))
    for key, ruled in rules.items():
        if wanted is not None and ruled.place not in wanted:
            continue
        standing = standings[key]
        redundant: bool | None
        if not ruled.asked:
            redundant = None
        elif ruled.entangled:
            removals -= 1
            ruled.needed, sure = removal.changed(ruled.origin) if removals >= 0 else (None, False)
            redundant = (ruled.needed is None) if sure else None
        elif ruled.needed is not None:
            redundant = False
        elif standing in (Standing.UNREACHABLE, Standing.OUTSIDE):
            redundant = True
        else:
            unsure = exhausted or targets.loose or ruled.doubt or standing is Standing.INCONCLUSIVE
            redundant = None if unsure else True
        number, position = places[key]
        covered = standing is Standing.UNREACHABLE and only is None
        cover = tuple(_cover(ruled, ordered, lists)) if covered else ()
        yield Finding(
            number,
            position,
            ruled.origin,
            standing,
            redundant,
            cover,
            tuple(entries[key_of(origin)] for origin in cover),
            _cause(ruled, targets)
            if (redundant is None and ruled.asked) or standing is Standing.INCONCLUSIVE
            else None,
            ruled.reached,
            ruled.covered if standing is Standing.UNREACHABLE else None,
            ruled.needed,
            compiled,
        )


def _standing(model: Model, rule: Ruled, targets: Targets, exhausted: str | None) -> Standing:
    if rule.reached is not None:
        return Standing.REACHABLE
    entry = rule.origin.entry
    if isinstance(entry, Rule) and is_outside(model, rule.origin.policy, entry):
        return Standing.OUTSIDE
    if not rule.matchers:
        return Standing.UNREACHABLE
    if exhausted is not None or rule.doubt is not None or not rule.matchers.isdisjoint(targets.loose):
        return Standing.INCONCLUSIVE
    return Standing.UNREACHABLE


def _cause(rule: Ruled, targets: Targets) -> str:
    loose = targets.loose
    own = next((loose[number] for number in sorted(rule.matchers) if number in loose), None)
    return own or rule.doubt or targets.exhausted or next(iter(loose.values()), "the number of its rules")


def _cover(rule: Ruled, rules: Sequence[Ruled], lists: DomainLists) -> list[Origin]:
    """A small set of rules of which one stands before the covered rule at every access: greedy, then thinned out."""
    own = rule.origin.entry
    presets = dict(lists.presets.values())

    def origin(place: int) -> Origin:
        return rules[place].origin if place >= 0 else presets[place]

    def other_action(place: int) -> bool:
        other = origin(place).entry
        return isinstance(own, Rule) and isinstance(other, Rule) and other.action is not own.action

    left = list(rule.candidates)
    chosen: list[int] = []
    while left:
        counts: Counter[int] = Counter()
        for candidates in left:
            counts.update(candidates)
        best = min(counts, key=lambda place: (-counts[place], not other_action(place), place))
        chosen.append(best)
        left = [candidates for candidates in left if best not in candidates]
    for place in list(reversed(chosen)):
        rest = [one for one in chosen if one != place]
        if rest and all(not candidates.isdisjoint(rest) for candidates in rule.candidates):
            chosen = rest
    chosen.sort(key=lambda place: (not other_action(place), place))
    return [origin(place) for place in chosen]
