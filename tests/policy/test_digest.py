"""Equal digests mean equal answers of both models; what means the same by its looks has equal digests."""

# ruff: noqa: S311  chance here is no secret

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hauberk.policy.canonical import canonical
from hauberk.policy.compare import compare
from hauberk.policy.digest import digest
from hauberk.policy.model import Model, Posture, Rule
from hauberk.policy.parse import parse_policy
from policy.smallworlds import SECTIONS, Document, Maker, compiled, makers, random_maker
from policy.worlds import Document as WorldDocument
from policy.worlds import World, worlds

BLOCK = Posture("block", "block", "block")
SOME = settings(max_examples=150, deadline=None, derandomize=True)


def doc(kind: str = "KubeArmorPolicy", /, **spec: Any) -> Document:
    return {"apiVersion": "security.kubearmor.com/v1", "kind": kind, "metadata": {"name": "p"}, "spec": spec}


def paths(*names: str, **more: Any) -> dict[str, Any]:
    return {"matchPaths": [{"path": name} for name in names], **more}


def shuffled(document: Document, seed: int) -> Document:
    """The document with the rules of its lists in another order, and sometimes one of them twice."""
    chance = random.Random(seed)
    other = copy.deepcopy(document)
    for section in other["spec"].values():
        for rules in section.values() if isinstance(section, dict) else ():
            if isinstance(rules, list):
                chance.shuffle(rules)
                if chance.random() < 0.3:
                    rules.append(copy.deepcopy(chance.choice(rules)))
    return other


def same_answers(one: Document, other: Document) -> bool:
    sides = [[policy for policy in [parse_policy(document)] if policy] for document in (one, other)]
    for model in Model:
        for posture in (BLOCK, Posture()):
            found = compare(*(compiled(model, side, posture) for side in sides))
            assert not found.inconclusive
            if found.changes:
                return False
    return True


# ---------------------------------------------------------------------------------- what it does not depend on

BASE = doc(
    selector={"matchLabels": {"app": "w", "tier": "db"}},
    severity=5,
    action="Block",
    process=paths("/bin/a", "/bin/b"),
    network={"matchProtocols": [{"protocol": "tcp", "fromSource": [{"path": "/x"}, {"path": "/y"}]}]},
)
SAME: dict[str, Document] = {
    "another order of rules": BASE | {"spec": BASE["spec"] | {"process": paths("/bin/b", "/bin/a")}},
    "a rule twice": BASE | {"spec": BASE["spec"] | {"process": paths("/bin/a", "/bin/b", "/bin/a")}},
    "another order of labels": BASE
    | {"spec": BASE["spec"] | {"selector": {"matchLabels": {"tier": "db", "app": "w"}, "matchExpressions": []}}},
    "inherited values written out": BASE
    | {"spec": BASE["spec"] | {"process": paths("/bin/a", "/bin/b", action="Block", severity=5)}},
    "defaults written out": BASE
    | {
        "spec": BASE["spec"]
        | {
            "process": {
                "matchPaths": [
                    {"path": "/bin/a", "ownerOnly": False, "pts": True, "fromSource": [], "allowedArgs": []},
                    {"path": "/bin/b", "message": "", "tags": None},
                ],
                "matchDirectories": [],
            },
            "file": {},
            "syscalls": None,
        }
    },
    "sources in another order": BASE
    | {
        "spec": BASE["spec"]
        | {"network": {"matchProtocols": [{"protocol": "TCP", "fromSource": [{"path": "/y"}, {"path": "/x"}]}]}}
    },
    "the namespace that counts": BASE | {"metadata": {"name": "p", "namespace": "default"}},
    "another name, labels, status": BASE
    | {"metadata": {"name": "q", "labels": {"a": "b"}, "uid": "1"}, "status": {"status": "OK"}},
}


@pytest.mark.parametrize("what", SAME)
def test_the_same_meaning(what: str) -> None:
    assert digest(SAME[what]) == digest(BASE)
    assert same_answers(SAME[what], BASE)


def test_no_action_is_block() -> None:
    assert digest(doc(file=paths("/a"))) == digest(doc(file=paths("/a"), action="Block"))


# ------------------------------------------------------------------------------------- what it does depend on


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (doc(file=paths("/a")), doc(file=paths("/b"))),
        (doc(file=paths("/a")), doc("KubeArmorClusterPolicy", file=paths("/a"))),
        (doc(file=paths("/a")), doc(file=paths("/a")) | {"metadata": {"name": "p", "namespace": "x"}}),
        (doc(file=paths("/a")), doc(file=paths("/a"), severity=3)),
        (doc(file=paths("/a")), doc(file=paths("/a"), message="m")),
        (doc(file=paths("/a"), tags=["a", "b"]), doc(file=paths("/a"), tags=["b", "a"])),
        (doc(file={"matchPaths": [{"path": "/a"}]}), doc(file={"matchPaths": [{"path": "/a", "fromSource": [{}]}]})),
        (doc(), doc(syscalls={"matchSyscalls": [{"syscall": ["mount"]}]})),
        (doc(), doc(apparmor="profile")),
        (doc(presets=[{"name": "exec"}]), doc(presets=[{"name": "exec", "action": "Audit"}])),
        # action of the spec in lower case is read by KubeArmor, of a rule it is not
        (doc(file=paths("/a"), action="Allow"), doc(file=paths("/a", action="allow"))),
        (
            doc("KubeArmorNetworkPolicy", ingress=[{"limit": "1K"}]),
            doc("KubeArmorNetworkPolicy", ingress=[{"limit": "2K"}]),
        ),
    ],
)
def test_another_meaning(one: Document, other: Document) -> None:
    assert digest(one) != digest(other)


def test_order_counts_where_kubearmor_replaces_a_rule() -> None:
    rules = [{"path": "/a"}, {"path": "/a", "action": "Allow"}]
    one, other = (doc(file={"matchPaths": order}) for order in (rules, rules[::-1]))
    assert digest(one) != digest(other)
    assert not same_answers(one, other)


@pytest.mark.parametrize(
    ("section", "rules"),
    [
        # an unknown capability is code 0 to KubeArmor, and so is this one
        ("capabilities", {"matchCapabilities": [{"capability": "all"}, {"capability": "chown", "action": "Allow"}]}),
        ("network", {"matchDNSQueries": [{"domain": "all"}, {"domain": "all.cluster.local", "action": "Allow"}]}),
    ],
)
def test_the_word_all_is_one_of_networks_only(section: str, rules: dict[str, Any]) -> None:
    ((name, order),) = rules.items()
    one, other = (doc(**{section: {name: list(found)}}) for found in (order, order[::-1]))
    assert digest(one) != digest(other)
    assert not same_answers(one, other)


def test_order_counts_where_the_first_entry_decides_about_commas() -> None:
    rules = [{"protocol": "tcp,udp"}, {"protocol": "raw"}]
    one, other = (doc(network={"matchProtocols": order}) for order in (rules, rules[::-1]))
    assert digest(one) != digest(other)


def test_its_form_is_pinned() -> None:
    """Digests stand in clusters: a change of their making is a change of the version in them."""
    assert digest(BASE) == "sha256:3c643af6eae1877ddae3aaff47ec48e42f20badb9502b422b505fc7a22dea51d"


# --------------------------------------------------------------------------------------------------- properties


@SOME
@given(maker=makers(), seed=st.integers(0, 2**32))
def test_equal_digests_mean_equal_answers(maker: Maker, seed: int) -> None:
    document = maker.document(maker.one(SECTIONS), 0)
    other = shuffled(document, seed)
    if digest(document) == digest(other):
        assert same_answers(document, other)


def test_equal_digests_mean_equal_answers_of_many() -> None:
    equal = different = 0
    for seed in range(600):
        maker = random_maker(seed)
        document = maker.document(maker.one(SECTIONS), 0)
        other = shuffled(document, seed)
        same = same_answers(document, other)
        if digest(document) == digest(other):
            equal += 1
            assert same, (document, other)
        else:
            different += not same
    # both happen, or the test says nothing
    assert equal > 300
    assert different > 5


def written_flags(rule: Rule) -> tuple[object, ...]:
    return (replace(rule.flags, pts=rule.flags.pts is False), rule.sources, rule.action_text, rule.severity or 0)


@SOME
@given(world=worlds())
def test_the_canonical_form_means_the_same(world: World) -> None:
    for document in world.policies:
        written: WorldDocument = canonical(document)
        assert canonical(written) == written
        assert digest(written) == digest(document)
        first, second = parse_policy(written), parse_policy(document)
        assert first is not None
        assert second is not None
        assert dict(first.selector.match_labels) == dict(second.selector.match_labels)
        assert (first.selector.expressions, first.presets) == (second.selector.expressions, second.presets)
        assert [rule.id for rule in first.rules] == [rule.id for rule in second.rules]
        assert [written_flags(rule) for rule in first.rules] == [written_flags(rule) for rule in second.rules]
