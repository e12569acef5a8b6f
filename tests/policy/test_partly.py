"""What is asked part by part, and taken from what is known of parts, is what all rules say at once."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hauberk.policy.apart import Regions, is_plain
from hauberk.policy.exact import Answers, answers
from hauberk.policy.known import Memory
from hauberk.policy.model import Policy, Posture, Workload
from hauberk.policy.parse import parse_policy
from policy import worlds
from policy.smallworlds import POD
from policy.wideworlds import Maker, group_of, makers, random_maker

TIMES = int(os.environ.get("HAUBERK_EXAMPLES", "1"))


def examples(count: int) -> settings:
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=True,
        phases=[phase for phase in Phase if phase is not Phase.explain],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def compared(policies: list[Policy], workload: Workload, posture: Posture) -> Answers:
    """The answers, after those for fewer policies were asked with the same memory."""
    memory = Memory()
    group, members = group_of(policies, workload, posture)
    expected = answers(group, members, workload)
    for count in (len(policies) // 2, len(policies) - 1):
        fewer, some = group_of(policies[:count], workload, posture)
        answers(fewer, some, workload, memory)
    assert answers(group, members, workload, memory) == expected
    searches = memory.searches
    assert answers(group, members, workload, memory) == expected
    assert memory.searches == searches
    return expected


@pytest.mark.parametrize("seed", range(120))
def test_in_parts_as_at_once(seed: int) -> None:
    maker = random_maker(seed)
    compared(maker.policies(), POD, maker.posture())


@examples(120)
@given(maker=makers())
def test_in_parts_as_at_once_in_any_wide_world(maker: Maker) -> None:
    compared(maker.policies(), POD, maker.posture())


@examples(60)
@given(world=worlds.worlds())
def test_in_parts_as_at_once_at_the_limits(world: worlds.World) -> None:
    policies = [one for one in map(parse_policy, world.policies) if one is not None]
    compared(policies, world.workload, world.posture)


def test_a_search_leaves_nothing_to_be_swept() -> None:
    """Where many policies are linted nothing is swept."""
    maker = random_maker(5)
    policies = [policy for _ in range(10) for policy in maker.policies()]
    group, members = group_of(policies, POD, maker.posture())
    gc.collect()
    gc.disable()
    try:
        answers(group, members, POD, Memory())
        assert gc.collect() == 0
    finally:
        gc.enable()


def policy(name: str, *rules: dict[str, object], action: str = "Block") -> Policy:
    lists: dict[str, list[dict[str, object]]] = {}
    for rule in rules:
        kind = "matchDirectories" if "dir" in rule else "matchPatterns" if "pattern" in rule else "matchPaths"
        lists.setdefault(kind, []).append(rule)
    metadata = {"name": name, "namespace": "default"}
    spec = {"selector": {"matchLabels": {"app": "w"}}, "file": lists, "action": action}
    found = parse_policy({"kind": "KubeArmorPolicy", "metadata": metadata, "spec": spec})
    assert found is not None
    return found


def parts(*policies: Policy) -> list[tuple[tuple[tuple[int, int], ...], bool]]:
    found = Regions().parts(policies, [True] * len(policies))
    return [(part.rules, part.plain) for part in found]


def test_rules_that_no_path_joins_are_apart() -> None:
    one = policy("one", {"path": "/etc/passwd"}, {"path": "/srv/a"}, {"dir": "/opt/", "recursive": True})
    other = policy("other", {"path": "/opt"}, {"path": "/srv/a/b"})
    assert parts(one, other) == [
        (((0, 0),), True),
        (((0, 1),), True),
        (((0, 2), (1, 0)), False),
        (((1, 1),), True),
    ]


def test_a_pattern_joins_what_it_may_hit() -> None:
    one = policy("one", {"path": "/etc/passwd"}, {"path": "/srv/a"}, {"dir": "/opt/b/", "recursive": True})
    assert parts(one, policy("other", {"pattern": "/*/*/x"})) == [
        (((0, 0),), True),
        (((0, 1),), True),
        (((0, 2), (1, 0)), False),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "sh"},
        {"dir": "/opt"},
        {"path": "/usr/b*[x]"},
        {"path": "/" + "x" * 198},
        {"path": "/x" * 20},
        {"path": "/x", "fromSource": [{"path": "/usr/bin/other"}]},
        {"path": "/x", "action": "Allow"},
    ],
)
def test_where_it_is_not_certain_all_rules_are_one_part(rule: dict[str, object]) -> None:
    ((rules, plain),) = parts(policy("one", {"path": "/etc/passwd"}, rule))
    assert (rules, plain) == (((0, 0), (0, 1)), False)


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "/proc/1/environ"},
        {"dir": "/dev/", "recursive": True},
        {"dir": "/srv/"},
        {"path": "/srv/a", "ownerOnly": True},
        {"path": "/srv/a", "fromSource": [dict[str, str]()]},
        {"dir": "/" + "l" * 63 + "/", "recursive": True},
    ],
)
def test_of_these_there_may_be_something_to_say(rule: dict[str, object]) -> None:
    assert not is_plain(policy("one", rule).rules[0])
