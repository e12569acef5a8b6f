"""Rules with a source that open what a Block forbids everybody: direct cases, and against every access."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.hiding import MAX_HIDDEN, Hiding, hidings
from hauberk.policy.lists import Origin
from hauberk.policy.matching import subject_of
from hauberk.policy.model import Access, Action, Directory, Model, Op, Policy, Posture, Rule, Verdict
from hauberk.policy.parse import parse_policy
from hauberk.policy.rulings import OTHER_PROGRAM, Key, acting, key_of, names_in
from policy.smallworlds import POD, Maker, accesses, random_maker

APP = {"fromSource": [{"path": "/bin/app"}]}
both_models = pytest.mark.parametrize("model", list(Model))


def hidden(spec: dict[str, Any], model: Model) -> list[tuple[str, str, str, str | None]]:
    parsed = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": "p"}, "spec": spec})
    assert parsed is not None
    compiled = compile_policies(model, [parsed], POD, Posture())
    found = hidings(compiled, names_in(compiled.policies))
    assert found.inconclusive is None
    return [(one.rule.entry.id, one.block.entry.id, one.access.target, one.access.source) for one in found.found]


def wide(matcher: dict[str, Any], *paths: str) -> dict[str, Any]:
    blocks = [{"path": path, "action": "Block"} for path in paths]
    return {"file": {"matchDirectories": [{**matcher, **APP, "action": "Allow"}], "matchPaths": blocks}}


@both_models
def test_each_block_that_an_allow_hides_is_named_once(model: Model) -> None:
    assert hidden(wide({"dir": "/etc/", "recursive": True}, "/etc/shadow", "/etc/gshadow", "/var/x"), model) == [
        ("file.matchDirectories[0]", "file.matchPaths[0]", "/etc/shadow", "/bin/app"),
        ("file.matchDirectories[0]", "file.matchPaths[1]", "/etc/gshadow", "/bin/app"),
    ]


@both_models
def test_no_more_of_them_are_looked_for_than_a_finding_can_tell(model: Model) -> None:
    paths = [f"/etc/{number}" for number in range(MAX_HIDDEN + 5)]
    assert len(hidden(wide({"dir": "/etc/", "recursive": True}, *paths), model)) == MAX_HIDDEN


@both_models
@pytest.mark.parametrize(
    "blocks",
    [
        {"matchPaths": [{"path": "/etc/app/x"}]},
        {"matchDirectories": [{"dir": "/etc/app/", "recursive": True}]},
        {"matchDirectories": [{"dir": "/etc/app/"}]},
        {"matchDirectories": [{"dir": "/etc/", "recursive": True}]},
    ],
)
def test_an_exception_is_not_told(model: Model, blocks: dict[str, Any]) -> None:
    """Of what a rule with a source matches all is blocked for everybody, or all of the one directory that both name."""
    matched = next(iter(blocks))
    allow = {**blocks[matched][0], **APP, "action": "Allow"}
    if blocks[matched][0].get("dir") == "/etc/":
        allow["dir"] = "/etc/app/"
    blocked = [{**one, "action": "Block"} for one in blocks[matched]]
    assert hidden({"file": {matched: [*blocked, allow]}}, model) == []


def test_patterns_that_overlap() -> None:
    block = {"pattern": "/**/*.key", "action": "Block"}
    allow = {"dir": "/srv/", "recursive": True, "action": "Allow", **APP}
    spec = {"file": {"matchPatterns": [block], "matchDirectories": [allow]}}
    ((rule, hidden_block, target, _),) = hidden(spec, Model.HAUBERK)
    assert (rule, hidden_block) == ("file.matchDirectories[0]", "file.matchPatterns[0]")
    assert target.startswith("/srv/")
    assert target.endswith(".key")
    narrow = {"pattern": "/srv/*.key", "action": "Allow", **APP}
    assert hidden({"file": {"matchPatterns": [block, narrow]}}, Model.HAUBERK) == []


@both_models
def test_a_block_that_another_rule_lifts_for_everybody_is_not_hidden(model: Model) -> None:
    spec = wide({"dir": "/etc/", "recursive": True}, "/etc/shadow")
    spec["file"]["matchPaths"] += [{"path": "/etc/shadow", "action": "Allow"}]
    if model is Model.HAUBERK:
        # it decides equals for the Block
        spec["file"]["matchPaths"].pop(0)
    assert hidden(spec, model) == []


@both_models
def test_sockets(model: Model) -> None:
    rules = [{"protocol": "all", "action": "Allow", **APP}, {"protocol": "icmp", "action": "Block"}]
    assert [found[:2] for found in hidden({"network": {"matchProtocols": rules}}, model)] == [
        ("network.matchProtocols[0]", "network.matchProtocols[1]")
    ]


# ------------------------------------------------------------------------------------- against every access


def matching(compiled: Compiled, access: Access) -> set[Key]:
    """All whose entries match the target, whatever they ask besides."""
    decisions = compiled.list_of(access.op, compiled.source_class(access))
    subject = subject_of(compiled.model, access)
    return {key_of(entry.origin) for entry in decisions.entries if entry.target.hits(subject)}


def is_pair(rule: Origin, block: Origin) -> bool:
    mine, its = rule.entry, block.entry
    if not isinstance(mine, Rule) or not isinstance(its, Rule) or its.sources or not any(mine.sources):
        return False
    if mine.action is not Action.ALLOW or its.action is not Action.BLOCK:
        return False
    dirs = [one.matcher.dir.rstrip("/") if isinstance(one.matcher, Directory) else None for one in (mine, its)]
    return dirs[0] is None or dirs[0] != dirs[1]


def by_force(compiled: Compiled, tried: list[Access]) -> set[tuple[Key, Key]]:
    shown: set[tuple[Op, Key, Key]] = set()
    within: dict[tuple[Op, Key], set[Key]] = {}
    for access in tried:
        if access.source is None:
            continue
        everybody = replace(access, source=OTHER_PROGRAM, parent_source=OTHER_PROGRAM)
        blocked = matching(compiled, everybody)
        for key in matching(compiled, access):
            within[access.op, key] = within.get((access.op, key), blocked) & blocked
        own, others = ([*acting(compiled, one), None][0] for one in (access, everybody))
        verdicts = [compiled.decide(one).verdict for one in (access, everybody)]
        rules = [compiled.decide(one).rule for one in (access, everybody)]
        if own and others and is_pair(own, others) and verdicts == [Verdict.ALLOWED, Verdict.DENIED] and all(rules):
            shown.add((access.op, key_of(own), key_of(others)))
    return {(rule, block) for op, rule, block in shown if block not in within[op, rule]}


def pairs(found: tuple[Hiding, ...]) -> set[tuple[Key, Key]]:
    return {(key_of(one.rule), key_of(one.block)) for one in found}


@both_models
@pytest.mark.parametrize("seed", range(300))
def test_hidden_are_those_that_some_access_shows(model: Model, seed: int) -> None:
    maker: Maker = random_maker(3000 + seed)
    section = ("file", "process", "network", "capabilities")[seed % 4]
    policies: list[Policy] = [*maker.policies(section), *maker.policies(section)]
    policies = [replace(one, name=f"p{number}") for number, one in enumerate(policies)]
    compiled = compile_policies(model, policies, POD, maker.posture())
    found = hidings(compiled, names_in(policies))
    assert found.inconclusive is None
    tried = accesses(section, policies)
    expected = by_force(compiled, tried)
    assert expected <= pairs(found.found)
    known = {access.target for access in tried}
    for one in found.found:
        key = (key_of(one.rule), key_of(one.block))
        # a wider rule may show it only beyond the small world: deeper, or by changing the owner
        assert key in expected or one.access.target not in known or is_wider_beyond(compiled, one)


def is_wider_beyond(compiled: Compiled, one: Hiding) -> bool:
    """Whether a path deeper than the small world, or of a longer name, is matched by the rule and not by the Block."""
    shown = one.access.target
    deeper = (*("/a" * depth for depth in range(5, 9)), *(shown + "/x" * depth for depth in range(1, 5)))
    for target in (*deeper, shown + "x"):
        access = replace(one.access, target=target)
        everybody = replace(access, source=OTHER_PROGRAM, parent_source=OTHER_PROGRAM)
        if key_of(one.rule) in matching(compiled, access) and key_of(one.block) not in matching(compiled, everybody):
            return True
    return False
