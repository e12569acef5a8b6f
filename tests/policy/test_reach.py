# ruff: noqa: S108  paths of policies, no file is made
"""Which rules can decide or report anything: direct cases, and against every access of a small world."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hauberk.policy.decision import compile_policies, decide
from hauberk.policy.model import Access, Model, Policy, Posture, Workload
from hauberk.policy.parse import parse_policy
from hauberk.policy.reach import Finding, Standing, reach
from hauberk.policy.realpaths import real_path
from hauberk.policy.wanted import Limit
from policy import worlds
from policy.smallworlds import (
    POD,
    SECTIONS,
    Maker,
    accesses,
    alerts,
    by_name,
    compiled,
    makers,
    random_maker,
    without,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
BLOCK = Posture("block", "block", "block")
TIMES = int(os.environ.get("HAUBERK_EXAMPLES", "1"))


def examples(count: int) -> settings:
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=True,
        phases=[phase for phase in Phase if phase is not Phase.explain],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


both_models = pytest.mark.parametrize("model", list(Model))


def policy(spec: dict[str, Any], name: str = "p") -> Policy:
    parsed = parse_policy({"kind": "KubeArmorPolicy", "metadata": {"name": name}, "spec": spec})
    assert parsed is not None
    return parsed


def findings(
    *specs: dict[str, Any], model: Model = Model.HAUBERK, posture: Posture = BLOCK, limit_of: Limit | None = None
) -> list[Finding]:
    policies = [policy(spec, f"p{number}") for number, spec in enumerate(specs)]
    return list(reach(model, policies, POD, posture, limit=limit_of))


def file(**lists: Any) -> dict[str, Any]:
    return {"action": "Block", "file": lists}


def told(found: Sequence[Finding]) -> list[tuple[str, bool | None, list[str]]]:
    return [(one.standing.value, one.redundant, [origin.name for origin in one.cover]) for one in found]


# ------------------------------------------------------------------------------------- direct cases


def test_seed_policy_has_no_dead_rule() -> None:
    seed = parse_policy(yaml.safe_load((EXAMPLES / "nginx/policy.yaml").read_text()))
    assert seed is not None
    workload = Workload("default", (("app", "nginx"),), "nginx")
    for model in Model:
        found = reach(model, [seed], workload, BLOCK)
        assert {one.standing for one in found} == {Standing.REACHABLE}
        assert {one.redundant for one in found} == {False}
        targets = [one.witness.target for one in found if one.witness is not None]
        assert targets[:3] == ["/usr/sbin/nginx", "/usr/bin/bash", "/x"]
        assert found[3].witness is not None
        assert found[3].witness.source == "/usr/sbin/nginx"


def test_path_under_an_equal_directory_is_needed_only_for_its_alert() -> None:
    directory = [{"dir": "/etc/", "recursive": True}]
    plain = file(matchPaths=[{"path": "/etc/shadow"}], matchDirectories=directory)
    assert told(findings(plain)) == [("reachable", True, []), ("reachable", False, [])]
    found = findings(file(matchPaths=[{"path": "/etc/shadow", "severity": 9}], matchDirectories=directory))
    assert told(found) == [("reachable", False, []), ("reachable", False, [])]
    assert found[0].needed is not None
    assert found[0].needed.target == "/etc/shadow"


def test_directory_behind_a_pattern_is_covered() -> None:
    found = findings(
        file(
            matchPatterns=[{"pattern": "/srv/**", "action": "Allow"}],
            matchDirectories=[{"dir": "/srv/a/", "recursive": True}],
        )
    )
    assert told(found) == [("unreachable", True, ["p0:file.matchPatterns[0]"]), ("reachable", False, [])]
    assert found[0].covered is not None
    assert found[0].covered.target == "/srv/a/x"


def test_cover_of_two_rules_names_the_other_action_first() -> None:
    found = findings(
        {
            "action": "Block",
            "file": {
                "matchPatterns": [{"pattern": "/d/[a-m]**"}, {"pattern": "/d/[^a-m]**", "action": "Allow"}],
                "matchDirectories": [{"dir": "/d/", "recursive": True}],
                "matchPaths": [{"path": "/d", "action": "Allow"}],
            },
        }
    )
    directory = next(one for one in found if "matchDirectories" in one.origin.name)
    assert directory.standing is Standing.UNREACHABLE
    assert [origin.name for origin in directory.cover] == [
        "p0:file.matchPaths[0]",
        "p0:file.matchPatterns[1]",
        "p0:file.matchPatterns[0]",
    ]


def test_source_scopes() -> None:
    sourced = {"dir": "/a/", "recursive": True, "action": "Allow", "fromSource": [{"path": "/bin/x"}]}
    path = {"path": "/a/b", "fromSource": [{"path": "/bin/x"}]}
    odd = {"path": "/a/b", "fromSource": [{"path": "relative"}]}
    found = findings(file(matchDirectories=[sourced], matchPaths=[path, odd, {"path": "/a/b"}]))
    assert told(found) == [
        ("reachable", False, []),
        ("unreachable", True, []),
        ("reachable", False, []),
        ("reachable", False, []),
    ]


def test_flags_are_asked_in_every_operation() -> None:
    read_only = {"dir": "/a/", "recursive": True, "readOnly": True}
    owner = {"dir": "/a/", "recursive": True, "ownerOnly": True, "action": "Allow"}
    found = findings(file(matchDirectories=[read_only, owner]))
    assert told(found)[1][0] == "reachable"
    assert found[1].witness is not None
    assert (found[1].witness.op, found[1].witness.uid != found[1].witness.owner_uid) == ("read", True)


def test_argument_lists() -> None:
    path = {"path": "/bin/x", "action": "Block"}
    found = findings(
        {
            "process": {
                "matchPaths": [
                    {**path, "allowedArgs": ["-a"]},
                    {**path, "allowedArgs": ["-b"]},
                    {**path, "allowedArgs": ["-a", "-b"]},
                ]
            }
        }
    )
    assert [one.standing.value for one in found] == ["reachable", "reachable", "unreachable"]
    assert [one.redundant for one in found] == [False, False, True]


def test_execname_and_pattern() -> None:
    found = findings(
        {
            "action": "Block",
            "process": {
                "matchPaths": [{"execname": "apt"}, {"path": "/usr/*/apt", "execname": "apt", "action": "Allow"}],
                "matchPatterns": [{"pattern": "/**/apt"}],
            },
        }
    )
    assert told(found) == [
        ("reachable", False, []),
        ("unreachable", False, ["p0:process.matchPaths[0]"]),
        ("unreachable", True, ["p0:process.matchPaths[0]"]),
    ]


def test_only_allow_rule_holds_the_allow_list() -> None:
    dead = {"path": "/nowhere/", "action": "Allow"}
    (found,) = findings(file(matchPaths=[dead]))
    assert (found.standing, found.redundant) == (Standing.UNREACHABLE, False)
    assert found.needed is not None
    both = findings(file(matchPaths=[dead, {"path": "/a", "action": "Allow"}]))
    assert told(both) == [("unreachable", True, []), ("reachable", False, [])]


def test_audit_rules_are_never_covered() -> None:
    audit = {"path": "/a", "action": "Audit"}
    found = findings(file(matchPaths=[{"path": "/a"}, audit, {**audit, "readOnly": True}, audit]))
    assert [one.standing for one in found] == [Standing.REACHABLE] * 4
    assert [one.redundant for one in found] == [False, True, True, True]
    (alone,) = findings(file(matchPaths=[{"path": "/a/", "action": "Audit"}]))
    assert (alone.standing, alone.redundant) == (Standing.UNREACHABLE, True)


def test_kubearmor_shallow_directory_below_a_deep_one() -> None:
    rules = file(matchDirectories=[{"dir": "/a/", "recursive": True, "action": "Allow"}, {"dir": "/a/b/"}])
    found = findings(rules, model=Model.KUBEARMOR)
    # the directory itself has a key of its own
    assert found[1].standing is Standing.REACHABLE
    assert found[1].witness is not None
    assert found[1].witness.target == "/a/b"
    rules["file"]["matchPaths"] = [{"path": "/a/b"}]
    rules["file"]["matchDirectories"].append({"dir": "/a/b/", "recursive": True})
    found = findings(rules, model=Model.KUBEARMOR)
    assert told(found)[:2] == [
        ("unreachable", True, ["p0:file.matchDirectories[2]"]),
        ("reachable", False, []),
    ]


def test_kubearmor_has_no_patterns_and_no_audit_rules() -> None:
    rules = file(matchPatterns=[{"pattern": "/**"}], matchPaths=[{"path": "/a", "action": "Audit"}])
    assert [one.standing for one in findings(rules, model=Model.KUBEARMOR)] == [Standing.OUTSIDE] * 2


def test_kubearmor_rule_that_another_replaced() -> None:
    found = findings(
        file(matchPaths=[{"path": "/a"}]),
        file(matchPaths=[{"path": "/a", "action": "Allow"}]),
        model=Model.KUBEARMOR,
    )
    assert told(found) == [("unreachable", True, ["p1:file.matchPaths[0]"]), ("reachable", False, [])]
    assert found[0].covered is not None
    assert found[0].covered.target == "/a"


def test_domains_and_sockets() -> None:
    network = {"matchProtocols": [{"protocol": "tcp"}, {"protocol": "all"}, {"protocol": "stream", "action": "Allow"}]}
    assert [one.standing.value for one in findings({"action": "Block", "network": network})] == ["reachable"] * 3
    names = {"matchDNSQueries": [{"domain": "x.org"}, {"domain": "ok.x.org"}, {"domain": "x.org"}]}
    assert told(findings({"action": "Block", "network": names})) == [
        ("reachable", True, []),
        ("reachable", True, []),
        ("unreachable", True, ["p0:network.matchDNSQueries[0]"]),
    ]


def test_presets_cover() -> None:
    spec = file(matchDirectories=[{"dir": "/dev/shm/", "recursive": True}])
    process = {"action": "Block", "process": spec["file"], "presets": [{"name": "filelessExec"}]}
    process["process"]["matchPaths"] = [{"path": "/dev/shm/x"}]
    path = next(one for one in findings(process) if one.origin.entry.pointer.endswith("matchPaths/0"))
    assert path.standing is Standing.UNREACHABLE
    assert [origin.name for origin in path.cover] == ["p0:presets[0]"]


def test_a_policy_given_twice_is_two() -> None:
    one = policy(file(matchPaths=[{"path": "/a"}]))
    found = reach(Model.HAUBERK, [one, one], POD, BLOCK)
    assert [(each.policy, each.standing.value) for each in found] == [(0, "reachable"), (1, "unreachable")]
    assert found[1].covered is not None
    assert found[0].witness is not None


def test_policies_that_do_not_select_have_no_findings() -> None:
    other = replace(policy(file(matchPaths=[{"path": "/a"}])), namespace="elsewhere")
    assert [
        one.policy for one in reach(Model.HAUBERK, [other, policy(file(matchPaths=[{"path": "/a"}]))], POD, BLOCK)
    ] == [1]


def test_a_witness_that_the_lists_do_not_confirm_is_an_error() -> None:
    (found,) = findings(file(matchPaths=[{"path": "/a"}]))
    wrong = replace(found, _witness=Access("read", "/b"))
    with pytest.raises(RuntimeError, match="does not decide"):
        _ = wrong.witness


# ------------------------------------------------------------------------------------- what cannot be told


def test_hostile_pattern_makes_itself_and_what_it_may_cover_inconclusive() -> None:
    hostile = f"/**x{'?' * 24}"
    rules = file(
        matchPatterns=[{"pattern": hostile, "action": "Allow"}, {"pattern": f"/**/y{'?' * 24}", "action": "Allow"}],
        matchDirectories=[{"dir": "/a/", "recursive": True}],
        matchPaths=[{"path": "/a/b"}, {"path": "/a/b/", "action": "Allow"}],
    )
    found = {one.origin.entry.id: one for one in findings(rules)}
    # what is found is found; what is not cannot be denied
    assert found["file.matchPaths[0]"].standing is Standing.REACHABLE
    assert found["file.matchPaths[1]"].standing is Standing.UNREACHABLE
    assert found["file.matchDirectories[0]"].standing is Standing.REACHABLE
    assert found["file.matchPatterns[0]"].standing is Standing.REACHABLE


def test_covered_only_if_a_pattern_were_known() -> None:
    hostile = [{"pattern": f"/a/**{char}{'?' * 24}", "action": "Allow"} for char in "xyz"]
    every = [{"pattern": "/a/**"}, *hostile]
    found = findings(file(matchPatterns=every), limit_of=Limit(weight=5_000, components=500))
    assert found[0].standing is Standing.REACHABLE
    assert {one.standing for one in found[1:]} <= {Standing.INCONCLUSIVE, Standing.UNREACHABLE}
    assert any(one.standing is Standing.INCONCLUSIVE for one in found)
    assert {one.cause for one in found if one.standing is Standing.INCONCLUSIVE} <= {p["pattern"] for p in hostile}


def test_steps_that_run_out_are_inconclusive() -> None:
    rules = [{"path": f"/d{number}/f", "action": "Allow"} for number in range(200)]
    found = findings(file(matchPaths=rules), limit_of=Limit(steps=1_000))
    standings = {one.standing for one in found}
    assert standings == {Standing.REACHABLE, Standing.INCONCLUSIVE}
    assert all(one.cause for one in found if one.redundant is None)


# ------------------------------------------------------------------------------------- against every access


def compared(model: Model, policies: list[Policy], posture: Posture, section: str) -> None:
    """Nothing that an access shows is denied, and everything that is said is shown by an access."""
    rules = compiled(model, policies, posture)
    tried = accesses(section, policies)
    decisions = [rules.decide(access) for access in tried]
    named = by_name(policies)
    said = [alerts(decision, named) for decision in decisions]
    seen = {decision.rule for decision in decisions}
    seen |= {report.rule for decision in decisions for report in decision.reports}
    for found in reach(model, policies, POD, posture):
        name = found.origin.name
        assert found.standing is not Standing.INCONCLUSIVE
        witness = found.witness
        if witness is None:
            assert name not in seen
            assert found.standing is not Standing.REACHABLE
        else:
            decision = rules.decide(witness)
            assert name in {decision.rule, *(report.rule for report in decision.reports)}
        fewer = without(policies, found.policy, found.rule)
        rest, left = compiled(model, fewer, posture), by_name(fewer)
        if found.needed is None:
            assert found.redundant
            for access, before in zip(tried, said, strict=True):
                assert alerts(rest.decide(access), left) == before, (name, access)
        else:
            assert not found.redundant
            assert alerts(rest.decide(found.needed), left) != alerts(rules.decide(found.needed), named)
        if found.standing is Standing.UNREACHABLE and found.cover and section in ("process", "file"):
            kept = {id(origin.entry) for origin in found.cover} | {id(found.origin.entry)}
            small = [replace(one, rules=tuple(rule for rule in one.rules if id(rule) in kept)) for one in policies]
            covered = compiled(model, small, posture)
            assert all(covered.decide(access).rule != name for access in tried), name
        _ = found.covered


@both_models
@pytest.mark.parametrize("seed", range(1000))
def test_standing_and_redundancy_are_those_of_every_access(model: Model, seed: int) -> None:
    maker = random_maker(seed)
    section = SECTIONS[seed % len(SECTIONS)]
    policies, posture = maker.policies(section), maker.posture()
    compared(model, policies, posture, section)


@examples(80)
@given(maker=makers(), model=st.sampled_from(list(Model)))
def test_any_small_world(maker: Maker, model: Model) -> None:
    section = maker.one(SECTIONS)
    posture = maker.posture()
    compared(model, maker.policies(section), posture, section)


@examples(500)
@given(world=worlds.worlds(), model=st.sampled_from(list(Model)))
def test_what_decides_an_odd_access_is_reachable(world: worlds.World, model: Model) -> None:
    """Worlds around the limits: long paths, deep ones, odd spellings."""
    policies = [one for one in map(parse_policy, world.policies) if one is not None]
    # two policies of one name cannot be told apart by what a decision says
    policies = [replace(one, name=f"{one.name}-{number}") for number, one in enumerate(policies)]
    found = reach(model, policies, world.workload, world.posture)
    decision = decide(model, policies, world.workload, world.posture, world.access)
    acting = {decision.rule, *(report.rule for report in decision.reports)}
    for one in found:
        if one.origin.name in acting and real(world.access):
            assert one.standing is Standing.REACHABLE
        if one.redundant and real(world.access):
            fewer = without(policies, one.policy, one.rule)
            rest = compile_policies(model, fewer, world.workload, world.posture)
            assert alerts(rest.decide(world.access), by_name(fewer)) == alerts(decision, by_name(policies))


def real(access: Access) -> bool:
    """Whether the targets and sources of a world are such that a kernel can show them."""
    sources = [source for source in (access.source, access.parent_source) if source is not None]
    if access.op == "dns":
        return all(0 < len(label) <= 63 for label in access.target.split("."))
    paths = [*sources, *([access.target] if access.target.startswith("/") else [])]
    return all(map(real_path, paths))
