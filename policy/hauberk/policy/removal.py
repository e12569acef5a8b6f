"""What a set of policies says without one of its rules, where that is more than its lists without the entries."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.differences import Differences
from hauberk.policy.lists import Origin
from hauberk.policy.model import (
    Access,
    Action,
    Directory,
    Domain,
    Kind,
    Model,
    Op,
    Pattern,
    Policy,
    Posture,
    Program,
    Rule,
    Workload,
)
from hauberk.policy.realpaths import real_path
from hauberk.policy.rulings import OTHER_PROGRAM, Key, Outcome, key_of, ops_of, said, voice
from hauberk.policy.semantics.store import Held, Store, action_of, fill, places_of, word_of
from hauberk.policy.wanted import Hints, Limit


def is_outside(model: Model, policy: Policy, rule: Rule) -> bool:
    """Whether the kubearmor model leaves the rule out altogether."""
    if model is Model.HAUBERK:
        return False
    if policy.kind is Kind.HOST and rule.domain in ("dns", "capabilities"):
        return True
    return isinstance(rule.matcher, Pattern) or action_of(rule) is Action.AUDIT


def entangled(model: Model, policies: Sequence[Policy], domain: Domain) -> set[Key]:
    """Rules that do more than decide: the only Allow rule, and in kubearmor's store rules that replace others."""
    rules = [(policy, rule) for policy in policies for rule in policy.rules if rule.domain == domain]
    keys = [(id(policy), id(rule)) for policy, rule in rules]
    allows = [
        key
        for key, (policy, rule) in zip(keys, rules, strict=True)
        if not is_outside(model, policy, rule)
        and (rule.action if model is Model.HAUBERK else action_of(rule)) is Action.ALLOW
    ]
    found = set(allows) if len(allows) == 1 else set[Key]()
    if model is Model.HAUBERK:
        return found
    if any("," in word_of(rule.matcher) for _, rule in rules):
        # whether a list is split hangs on its first entry
        return set(keys)
    writers: dict[tuple[str, str], list[Key]] = {}
    for key, (policy, rule) in zip(keys, rules, strict=True):
        for place in places_of(policy, rule):
            writers.setdefault(place, []).append(key)
    for sharing in writers.values():
        if len(sharing) > 1:
            found.update(sharing)
    return found


def alerts(outcome: Outcome) -> Hashable:
    """Verdict and what the alerts say."""
    return outcome.verdict, frozenset(voice(alert.report, alert.origin) for alert in outcome.alerts)


def same_stores(policies: Sequence[Policy], others: Sequence[Policy]) -> bool:
    """Whether KubeArmor's daemon writes the same rules for both, with the same words for alerts."""
    for domain in get_args(Domain):
        one, other = fill(domain, policies), fill(domain, others)
        if one.allow_listed != other.allow_listed or _said(one) != _said(other):
            return False
    return True


def _said(store: Store) -> dict[tuple[str, str], Hashable]:
    """What stands under the keys, without the place that it comes from."""
    return {(scope, key): _value(held) for scope, keys in store.scopes.items() for key, held in keys.items()}


def _value(held: Held) -> Hashable:
    entry = held.origin.entry
    words = (entry.severity, entry.tags, entry.message) if isinstance(entry, Rule) else ()
    return held.origin.policy.name, held.blocks, held.flags, held.recursive, held.by_name, words


def shots(rule: Rule, ops: Iterable[Op]) -> Iterator[Access]:
    """Accesses that the rule may well decide; whether it does is not asked."""
    match rule.matcher:
        case Program(path=str(path), execname=None) if real_path(path):
            target = path
        case Directory(dir=text) if text.endswith("/") and real_path(f"{text}x"):
            target = f"{text}x"
        case _:
            return
    for source in [source for source in rule.sources if source and real_path(source)] or [OTHER_PROGRAM]:
        for op in ops:
            yield Access(op, target, source, source if op == "exec" else None, how="delete" if op == "modify" else "")


class Removal:
    """Compares the policies with themselves without a rule."""

    def __init__(
        self,
        compiled: Compiled,
        policies: Sequence[Policy],
        workload: Workload,
        posture: Posture,
        hints: Hints,
        limit: Limit,
    ) -> None:
        self._compiled = compiled
        self._policies = policies
        self._workload = workload
        self._posture = posture
        self._hints = hints
        self._limit = limit
        self._stores: dict[Domain, Store] = {}

    def only(self, origin: Origin) -> Compiled:
        """The policies with no rule but this one."""
        return self._compile([replace(origin.policy, rules=tuple(r for r in origin.policy.rules if r is origin.entry))])

    def replacing(self, origin: Origin) -> set[Key]:
        """The rules whose values stand under the keys of this one."""
        if not isinstance(origin.entry, Rule):
            return set()
        domain = origin.entry.domain
        store = self._store(domain)
        found = {
            key_of(held.origin)
            for scope, key in places_of(origin.policy, origin.entry)
            if (held := store.scopes.get(scope, {}).get(key)) is not None
        }
        return found - {key_of(origin)}

    def changed(self, origin: Origin) -> tuple[Access | None, bool]:
        """An access on which something differs without the rule; whether there is surely no other if it is None."""
        if not isinstance(origin.entry, Rule):
            return None, False
        left = [
            replace(policy, rules=tuple(rule for rule in policy.rules if rule is not origin.entry))
            if policy is origin.policy
            else policy
            for policy in self._policies
        ]
        classes: frozenset[str | None] | None = None
        if self._compiled.model is Model.KUBEARMOR:
            classes = self._concerned(origin.entry.domain, left)
            if classes is not None and not classes:
                return None, True
        without = self._compile(left)
        ops = ops_of(origin.entry.domain)
        for access in shots(origin.entry, ops):
            # one access that differs is enough, and most rules show by their own path that they are needed
            if alerts(said(self._compiled, access)) != alerts(said(without, access)):
                return access, True
        differences = Differences(self._compiled, without, ops, alerts, self._hints, self._limit, classes)
        first = next(iter(differences), None)
        return (None, not differences.doubts) if first is None else (first.access, True)

    def _concerned(self, domain: Domain, policies: Sequence[Policy]) -> frozenset[str | None] | None:
        """The sources besides the usual one to ask whether anything differs with fewer rules; None for every one.

        Those for which the daemon writes something else, and the unknown one, which has lists of its own. Another
        source that has a scope reads it before the global one: where that decides nothing changes, and where it does
        not, what changes does so for the usual source, too. There is none where a copy is left out, say: then nothing
        can differ.
        """
        store, other = self._store(domain), fill(domain, policies)
        mine, its = _said(store), _said(other)
        if store.allow_listed != other.allow_listed:
            return None
        scopes = {place[0] for place in mine.keys() | its.keys() if mine.get(place) != its.get(place)}
        return frozenset((*scopes, None)) if scopes else frozenset()

    def _store(self, domain: Domain) -> Store:
        store = self._stores.get(domain)
        if store is None:
            store = self._stores[domain] = fill(domain, self._policies)
        return store

    def _compile(self, policies: Iterable[Policy]) -> Compiled:
        return compile_policies(self._compiled.model, list(policies), self._workload, self._posture)
