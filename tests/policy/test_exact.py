"""The exact answers as facts: over workloads, models, and policies of one repository."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
import yaml

from hauberk.cli.opened import open_repository
from hauberk.policy.compare import compare
from hauberk.policy.decision import compile_policies
from hauberk.policy.exact import Answers, Group, answers
from hauberk.policy.exactfacts import exact_facts
from hauberk.policy.groups import Exact, Stand
from hauberk.policy.model import Access, Model, Posture, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.plain import from_plain, to_plain
from hauberk.policy.reach import Standing
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.rulings import ops_of
from hauberk.policy.workloads import Manifest, Place, parse_manifest
from support import ROOT, shared

FACTS = json.loads((ROOT / "policy/hauberk/policy/schemas/facts.json").read_text())
HEAD = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: NAME, namespace: shop}\nspec:\n"
WEB = "  selector: {matchLabels: {app: web}}\n"
BOTH = "  selector: {matchExpressions: [{key: label, operator: In, values: [app=web, app=job]}]}\n"
DEEP = "{dir: /etc/, recursive: true, action: Allow}"


def pod(name: str) -> str:
    return (
        f"kind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n"
        f"spec: {{containers: [{{name: {name}}}]}}\n"
    )


def policy(name: str, rules: str, selector: str = WEB, section: str = "file", kind: str = "matchDirectories") -> str:
    return f"{HEAD.replace('NAME', name)}{selector}  action: Block\n  {section}: {{{kind}: [{rules}]}}\n"


def exact_of(*texts: str) -> Exact:
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    for number, document in enumerate(yaml.safe_load_all("---\n".join(texts))):
        parsed, place = parse_policy(document), Place("a.yaml", number + 1)
        if parsed is not None:
            entries.append(Entry(parsed, place, tuple(range(len(parsed.rules))), bytes([number])))
        elif (manifest := parse_manifest(document, place)) is not None:
            manifests.append(manifest)
    return Exact(Repository(entries, manifests))


def facts(*texts: str, number: int = 0) -> dict[str, Any]:
    found = exact_facts(exact_of(*texts), number)
    for field, value in found.items():
        jsonschema_rs.validate({**FACTS["properties"][field], "$defs": FACTS["$defs"]}, value)
    return found


def test_a_rule_that_another_policy_covers_in_one_workload_only() -> None:
    pattern = policy("open", "{pattern: /srv/**, action: Allow}", kind="matchPatterns")
    closed = policy("closed", "{dir: /srv/a/, recursive: true}", BOTH)
    (rule,) = facts(closed, pattern, pod("web"), pod("job"))["reach"]
    assert rule["unreachable"] == []
    assert rule["partly"] == {
        "models": ["hauberk"],
        "dead": ["Pod/shop/web/web"],
        "alive": ["Pod/shop/job/job"],
        "shell": False,
    }
    assert [cover["place"]["policy"] for cover in rule["cover"]] == ["open"]
    assert not rule["removable"]
    (rule,) = facts(closed, pattern, pod("web"))["reach"]
    assert rule["unreachable"] == ["hauberk"]
    assert rule["access"]["target"] == "/srv/a/x"


def test_a_flat_directory_below_a_deep_one_is_a_shell_to_kubearmor() -> None:
    (rule,) = facts(policy("p", f"{DEEP}, {{dir: /etc/ssl/}}"))["reach"]
    assert (rule["unreachable"], rule["shells"]) == ([], ["kubearmor"])
    assert rule["cover"][0]["place"]["rule"] == "file.matchDirectories[0]"


def test_a_shell_in_one_workload_only() -> None:
    flat = policy("flat", "{dir: /data/pub/, action: Allow}", BOTH)
    deep = policy("deep", "{dir: /data/, recursive: true}")
    (rule,) = facts(flat, deep, pod("web"), pod("job"))["reach"]
    assert (rule["unreachable"], rule["shells"]) == ([], [])
    assert (rule["partly"]["models"], rule["partly"]["shell"]) == (["kubearmor"], True)
    assert rule["partly"]["dead"] == ["Pod/shop/web/web"]


def test_of_copies_each_is_redundant_and_one_can_go() -> None:
    found = facts(policy("p", "{dir: /a/}, {dir: /b/}, {dir: /a/}"))["reach"]
    assert [(rule["rule"], rule["removable"]) for rule in found] == [
        ("file.matchDirectories[0]", False),
        ("file.matchDirectories[2]", True),
    ]
    found = facts(policy("p", "{path: /a/b}, {path: /c}", kind="matchPaths"), policy("q", "{dir: /a/}"))["reach"]
    assert [(rule["rule"], rule["redundant"]) for rule in found] == []


def test_one_of_several_redundant_rules_is_removable() -> None:
    found = facts(
        policy("p", "{dir: /a/, recursive: true}, {dir: /a/b/, recursive: true}, {dir: /a/c/, recursive: true}")
    )
    assert [(rule["rule"], rule["removable"]) for rule in found["reach"]] == [
        ("file.matchDirectories[1]", False),
        ("file.matchDirectories[2]", True),
    ]


def test_workloads_that_the_same_policies_select_are_one_group() -> None:
    exact = exact_of(policy("p", DEEP, BOTH), pod("web"), pod("job"))
    (stand,) = exact.stands(0)
    assert stand.names == ("Pod/shop/web/web", "Pod/shop/job/job")
    assert stand.real
    assert len(exact.groups()) == 1


def test_identity_changes_with_the_texts_and_with_the_posture() -> None:
    exact = exact_of(policy("p", DEEP), pod("web"))
    (group,) = exact.groups()
    other = replace(group, posture=Posture("block"))
    assert exact.identity(group) != exact.identity(other)
    exact.repository.entries = [replace(exact.repository.entries[0], digest=b"")]
    assert exact.identity(group) is None


def test_answers_are_read_back_as_they_were() -> None:
    exact = exact_of(
        policy("p", f"{DEEP}, {{dir: /etc/ssl/, recursive: true, action: Allow, fromSource: [{{path: /a}}]}}"),
        policy("q", "{pattern: /srv/**}", kind="matchPatterns"),
        policy("r", "{path: /usr/bin/id, allowedArgs: [-u]}", section="process", kind="matchPaths"),
        pod("web"),
    )
    for group in exact.groups():
        found = exact.of(group)
        assert found.apparmor
        assert from_plain(Answers, json.loads(json.dumps(to_plain(found)))) == found


def test_models_part_by_a_rule_that_both_have() -> None:
    found = facts(policy("p", "{dir: /etc/, recursive: true, readOnly: true, action: Allow}"))["parted"]
    assert [(one["access"]["op"], one["kubearmor"]["verdict"], one["hauberk"]["verdict"]) for one in found] == [
        ("modify", "allowed", "denied")
    ]


# ------------------------------------------------------------------------------------- the public corpus

SHARE_OF_REDUNDANT = 0.8
"""Left out: a comparison of each takes minutes."""


@pytest.mark.corpus
def test_rules_of_the_corpus_said_to_be_dead_or_redundant_can_go() -> None:
    """Dead ones once more, by comparing without them and by a thousand accesses; of redundant ones some."""
    opened = open_repository([str(shared("corpus", "policies"))])
    exact = Exact(opened.repository)
    dice = random.Random(11)  # noqa: S311  chance here is no secret
    dead = 0
    for number in range(len(opened.repository.entries)):
        for stand in exact.stands(number):
            dead += checked(exact, stand, number, dice)
    assert dead > 100


def checked(exact: Exact, stand: Stand, number: int, dice: random.Random) -> int:
    policies = [exact.repository.entries[member].policy for member in stand.group.members]
    own, count = stand.group.members.index(number), 0
    scene = next(s for s in exact.repository.scenes(number, 2000) if s.target.name == stand.names[0])
    for model in Model:
        asked = [policies[place] for place in stand.group.of(model)]
        for (place, position), found in exact.of(stand.group).reach[model].items():
            if place != own or found.standing not in (Standing.UNREACHABLE, Standing.REACHABLE):
                continue
            rule = policies[own].rules[position]
            before = compile_policies(model, asked, scene.target.workload, stand.group.posture)
            if found.standing is Standing.REACHABLE and dice.random() < SHARE_OF_REDUNDANT:
                continue
            count += 1
            name = f"{policies[own].name}:{rule.id}"
            dead = found.standing is Standing.UNREACHABLE
            for access in around(exact, number, position, dice) if dead else ():
                decision = before.decide(access)
                assert decision.rule != name or any(
                    one.name == policies[own].name for one in asked if one is not policies[own]
                )
            if found.redundant:
                kept = replace(policies[own], rules=tuple(r for r in policies[own].rules if r is not rule))
                without = [kept if one is policies[own] else one for one in asked]
                after = compile_policies(model, without, scene.target.workload, stand.group.posture)
                assert compare(before, after).changes == (), name
    return count


def around(exact: Exact, number: int, position: int, dice: random.Random) -> list[Access]:
    """Accesses to what the rule and others name, with something before, behind and below."""
    rule = exact.repository.entries[number].policy.rules[position]
    text = next(
        (getattr(rule.matcher, field) for field in ("path", "dir", "pattern") if hasattr(rule.matcher, field)), None
    )
    if not text:
        return []
    base = text.replace("**", "x").replace("*", "x").rstrip("/") or "/x"
    sources = [None, "/usr/bin/other", *(source for source in rule.sources if source)]
    found: list[Access] = []
    for _ in range(1000):
        tail = "".join(dice.choice(("", "/x", "/a.conf", "y", "/.")) for _ in range(dice.randrange(3))).replace(
            "/.", "/z"
        )
        source = dice.choice(sources)
        op = dice.choice(ops_of(rule.domain))
        found.append(Access(op, base + tail, source, source, uid=dice.choice((0, 1000)), tty=dice.random() < 0.5))
    return found


def test_of_a_workload_with_very_many_rules_only_what_is_dead_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.policy.exact.MOST_RULES", 1)
    monkeypatch.setattr("hauberk.policy.exact.MOST_SHOWN", 1)
    rules = "".join(f"      - {{dir: /etc/{name}/, recursive: true, action: Block}}\n" for name in ("a", "b"))
    wide = "    matchPatterns:\n      - {pattern: /etc/**, action: Allow}\n"
    text = HEAD.replace("NAME", "one") + WEB + "  file:\n    matchDirectories:\n" + rules + wide
    parsed = parse_policy(yaml.safe_load(text))
    assert parsed is not None
    workload = Workload("shop", (("app", "web"),), "web")
    found = answers(Group((0,), (True,), (True,), Posture(), "shop"), [parsed], workload)
    dead = found.reach[Model.HAUBERK]
    assert {one.standing for one in dead.values()} == {Standing.UNREACHABLE}
    assert [one.access is None for one in dead.values()] == [False, True]
    assert found.inconclusive == ("more than 1 rules for one workload",)
    assert found.opened[Model.HAUBERK] == ()
