"""The two models against a second evaluator, on worlds made for collisions; and what the text says of all worlds.

HAUBERK_EXAMPLES multiplies the number of examples (1 here: two thousand a property).
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hauberk.policy.decision import decide
from hauberk.policy.model import Access, Model, Posture, Workload
from hauberk.policy.parse import parse_policy
from policy import reference
from policy.reference import Document, Outcome
from policy.worlds import Maker, World, makers, random_maker, worlds

CI = bool(os.environ.get("CI"))
EXAMPLES = 2000 * int(os.environ.get("HAUBERK_EXAMPLES", "1"))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=CI,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
both_models = pytest.mark.parametrize("model", list(Model))


def ours(model: Model, policies: list[Document], world: World, posture: Posture | None = None) -> Outcome:
    parsed = [policy for policy in map(parse_policy, policies) if policy is not None]
    assert len(parsed) == len(policies)
    decision = decide(model, parsed, world.workload, posture or world.posture, world.access)
    reports = [(report.policy, str(report.action), report.rule) for report in decision.reports]
    return decision.verdict.value, decision.rule, reports


def comparable(outcome: Outcome) -> tuple[str, str | None, Counter[Any]]:
    """The text gives reports no order."""
    return outcome[0], outcome[1], Counter(outcome[2])


def theirs(model: Model, world: World) -> Outcome:
    return reference.evaluate(model.value, world.policies, world.workload, world.posture, world.access)


@many
@given(world=worlds())
def test_two_evaluators_agree(world: World) -> None:
    for model in Model:
        assert comparable(ours(model, world.policies, world)) == comparable(theirs(model, world)), model


POD = Workload("default", (), "c")


def one_rule(section: str, name: str, rule: Document) -> Document:
    return {"kind": "KubeArmorPolicy", "metadata": {"name": "p"}, "spec": {section: {name: [rule]}}}


@many
@given(maker=makers())
def test_patterns_match_as_naive_backtracking_does(maker: Maker) -> None:
    pattern = maker.pattern()
    document = one_rule("file", "matchPatterns", {"pattern": pattern})
    for _ in range(6):
        target = maker.name()
        world = World([document], POD, Posture(), Access("read", target))
        matched = ours(Model.HAUBERK, [document], world)[0] == "denied"
        assert matched == reference.pattern_matches(pattern, target), (pattern, target)


@many
@given(maker=makers())
def test_hauberk_does_not_depend_on_the_order_of_policies_or_rules(maker: Maker) -> None:
    world = maker.world()
    before = comparable(ours(Model.HAUBERK, world.policies, world))
    shuffled = list(world.policies)
    for index in range(len(shuffled)):
        other = index + maker.below(len(shuffled) - index)
        shuffled[index], shuffled[other] = shuffled[other], shuffled[index]
    assert comparable(ours(Model.HAUBERK, shuffled, world)) == before
    # Rules carry their index in their name, so only the verdict can be compared.
    for document in (reversed_policies := copy.deepcopy(shuffled)):
        for _, rules in lists_of(document):
            rules.reverse()
    assert ours(Model.HAUBERK, reversed_policies, world)[0] == before[0]


@many
@given(world=worlds())
def test_audit_rules_never_change_a_verdict(world: World) -> None:
    for model in Model:
        silenced = copy.deepcopy(world.policies)
        for document in silenced:
            audits = {entry.name for entry in reference.entries(model.value, document) if entry.action == "Audit"}
            for prefix, rules in lists_of(document):
                for index, rule in enumerate(rules):
                    if f"{prefix}[{index}]" in audits:
                        rule["action"] = "None"
        assert ours(model, silenced, world)[:2] == ours(model, world.policies, world)[:2], model


@many
@given(world=worlds())
def test_without_an_allow_rule_posture_is_not_looked_at(world: World) -> None:
    # Posture decides about a rule that was found in one place only (5.3, network), and about an Allow rule only.
    policies = [without_allow(document) for document in world.policies]
    for model in Model:
        outcomes = [comparable(ours(model, policies, world, Posture(*[value] * 3))) for value in ("block", "audit")]
        assert outcomes[0] == outcomes[1], model
        assert all(policy != "DefaultPosture" for policy, _, _ in outcomes[0][2]), model


def lists_of(document: Document) -> Iterator[tuple[str, list[Document]]]:
    for section in ("process", "file", "network", "capabilities"):
        for name, rules in (document["spec"].get(section) or {}).items():
            if isinstance(rules, list):
                yield f"{document['metadata']['name']}:{section}.{name}", rules


def without_allow(given: Any) -> Any:
    if isinstance(given, dict):
        return {key: without_allow(value) for key, value in given.items()}
    if isinstance(given, list):
        return [without_allow(value) for value in given]
    return "Block" if isinstance(given, str) and given.lower() == "allow" else given


# ------------------------------------------------------------------------- are these worlds worth anything?

SAMPLE = 3000


def happenings(model: Model, world: World) -> Iterator[str]:
    """What made the outcome, by the reference."""
    verdict, rule, reports = theirs(model, world)
    access, workload = world.access, world.workload
    yield verdict
    selecting = [document for document in world.policies if reference.selects(model.value, document, workload)]
    yield f"{min(len(selecting), 2)} policies select"
    if rule is not None:
        yield "preset decides" if "presets[" in rule else "rule decides"
        yield rule.partition(":")[2].partition("[")[0]
    if any(report[0] == "DefaultPosture" and report[2] is None for report in reports):
        yield "posture decides"
    if any(report[1] == "Audit" and report[2] is not None for report in reports):
        yield "audit reports"
    domain = reference.DOMAINS.get(access.op)
    entries = [
        entry
        for document in selecting
        for entry in reference.entries(model.value, document)
        if entry.domain == domain and entry.action in ("Allow", "Block")
    ]
    matching = [entry for entry in entries if reference.matches(entry, access, workload)]
    deciding = next((entry for entry in entries if entry.name == rule), None)
    if deciding is not None:
        flags = deciding.owner_only or deciding.read_only or deciding.off_tty or bool(deciding.args)
        if flags:
            yield "requirement fails" if verdict == "denied" else "requirement holds"
        if deciding.sources is not None:
            yield "source decides"
        if deciding.action == "Allow" and verdict == "denied":
            yield "Allow denies"
        if deciding.action == "Block" and verdict == "allowed":
            yield "Block lets pass"
    ranks = Counter(map(reference.rank, matching))
    if len(ranks) > 1:
        yield "ranks compete"
    if ranks and ranks[max(ranks)] > 1:
        yield "equals compete"


LEAST = {
    Model.HAUBERK: {
        "denied": 25,
        "allowed": 20,
        "1 policies select": 20,
        "2 policies select": 10,
        "rule decides": 30,
        "posture decides": 8,
        "preset decides": 0.5,
        "audit reports": 4,
        "requirement fails": 3,
        "requirement holds": 3,
        "source decides": 2,
        "Allow denies": 1,
        "Block lets pass": 1,
        "ranks compete": 4,
        "equals compete": 2,
        "process.matchPaths": 1,
        "process.matchDirectories": 1,
        "process.matchPatterns": 0.3,
        "file.matchPaths": 1,
        "file.matchDirectories": 2,
        "file.matchPatterns": 1,
        "network.matchProtocols": 2,
        "network.matchDNSQueries": 2,
        "capabilities.matchCapabilities": 2,
    },
    Model.KUBEARMOR: {
        "denied": 25,
        "allowed": 20,
        "rule decides": 30,
        "posture decides": 5,
        "preset decides": 0.5,
        "requirement fails": 2,
        "requirement holds": 2,
        "source decides": 2,
        "process.matchPaths": 1,
        "process.matchDirectories": 1,
        "file.matchPaths": 1,
        "file.matchDirectories": 2,
        "network.matchProtocols": 2,
        "network.matchDNSQueries": 2,
        "capabilities.matchCapabilities": 2,
    },
}
"""Least share of worlds in which each thing happens, in percent."""


@both_models
def test_worlds_are_not_vacuous(model: Model) -> None:
    maker = random_maker(1)
    counts = Counter(happening for _ in range(SAMPLE) for happening in set(happenings(model, maker.world())))
    shares = {name: 100 * counts[name] / SAMPLE for name in LEAST[model]}
    assert not {name: share for name, share in shares.items() if share < LEAST[model][name]}, shares


def test_worlds_tell_the_models_apart() -> None:
    maker = random_maker(2)
    worlds = [maker.world() for _ in range(SAMPLE)]
    different = sum(theirs(Model.HAUBERK, world)[0] != theirs(Model.KUBEARMOR, world)[0] for world in worlds)
    assert different > SAMPLE * 0.05


def test_patterns_are_not_vacuous() -> None:
    maker = random_maker(3)
    matched = malformed = 0
    for _ in range(SAMPLE):
        pattern = maker.pattern()
        matched += any(reference.pattern_matches(pattern, maker.name()) for _ in range(6))
        try:
            reference.parse_sequence(pattern, 0, inside=False)
        except reference.MalformedError:
            malformed += 1
    assert matched > SAMPLE * 0.1
    assert SAMPLE * 0.1 < malformed < SAMPLE * 0.5
