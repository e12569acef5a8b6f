"""What a node is to enforce."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from enforcer.node.made import ARGUMENTS, LS, SYSCALLS, WEB, container, planner, policy
from hauberk.enforcer.kernel.encode import NotEncodableError, encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.node.wanted import NODE, Cause, Container, Inputs, Planner, Standing, lowest
from hauberk.policy.decision import Compiled
from hauberk.policy.model import Posture, Workload


def test_containers_that_no_policy_selects_are_not_confined() -> None:
    inputs = Inputs((policy(LS),), containers=(container(1), container(2, Workload("other", WEB.labels, "nginx"))))
    desired = planner().plan(inputs)
    assert set(desired.wanted) == {"c1"}
    [standing] = desired.standings
    assert (standing.standing, standing.workloads, standing.rules) == (Standing.ENFORCED, ("c1",), 1)


def test_replicas_share_what_was_computed() -> None:
    desired = planner().plan(Inputs((policy(LS),), containers=tuple(map(container, range(50)))))
    assert len({id(one.image) for one in desired.wanted.values()}) == 1
    assert len({one.key for one in desired.wanted.values()}) == 1


def test_the_node_is_wanted_when_a_host_policy_selects_it() -> None:
    host = policy(LS, kind="KubeArmorHostPolicy", role="db")
    assert planner().plan(Inputs((host,), node=(("role", "web"),))).wanted == {}
    [one] = planner().plan(Inputs((host,), node=(("role", "db"),))).wanted.values()
    assert (one.id, one.group) == (NODE, None)


def test_the_posture_is_that_of_the_namespace_or_the_configured_one() -> None:
    inputs = Inputs((policy(LS),), {"web": Posture(file="block")}, containers=(container(1),))
    assert planner().plan(inputs).wanted["c1"].generation.posture.file == "block"
    other = replace(inputs, postures={"other": Posture(file="block")}, posture=Posture(network="block"))
    assert planner().plan(other).wanted["c1"].generation.posture == Posture(network="block")


def test_links_are_those_of_each_containers_root() -> None:
    asked: list[int] = []

    def links(of: Container) -> Any:
        asked.append(of.pid)
        return lambda path: {"/bin/ls": "/usr/bin/ls"}.get(path, path)

    inputs = Inputs((policy(LS),), containers=(container(1), container(2)))
    wanted = Planner(links).plan(inputs).wanted
    assert [one.generation.links for one in wanted.values()] == [{"/bin/ls": "/usr/bin/ls"}] * 2
    assert asked == [1001, 1002]


def test_a_policy_that_cannot_be_enforced_is_refused_whole_and_the_others_are_enforced() -> None:
    inputs = Inputs((policy(LS), policy(ARGUMENTS, "q"), policy(SYSCALLS, "r")), containers=(container(1),))
    desired = planner().plan(inputs)
    by_name = {one.key.name: one for one in desired.standings}
    assert by_name["p"].standing is Standing.ENFORCED
    for name, what in (("q", "allowedArgs"), ("r", "syscalls")):
        assert by_name[name].standing is Standing.REFUSED
        failure = by_name[name].failure
        assert failure is not None
        assert failure.cause is Cause.UNSUPPORTED
        assert what in failure.text
        assert failure.text.endswith("(HB607)")
        assert by_name[name].digest == ""
    assert [given.policy.name for given in desired.wanted["c1"].generation.policies] == ["p"]


def test_when_a_later_version_is_refused_the_one_before_goes_on() -> None:
    made = planner()
    good, bad = policy(LS), policy(ARGUMENTS)
    before = made.plan(Inputs((good,), containers=(container(1),)))
    after = made.plan(Inputs((bad,), containers=(container(1),)))
    assert after.wanted["c1"].key == before.wanted["c1"].key
    [standing] = after.standings
    assert (standing.standing, standing.digest) == (Standing.REFUSED, good.digest)
    # once it is gone, so is what it said before
    assert made.plan(Inputs((), containers=(container(1),))).wanted == {}
    assert made.plan(Inputs((bad,), containers=(container(1),))).wanted == {}


def test_policies_that_fail_only_together_end_and_one_of_them_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def together(compiled: Compiled) -> Image:
        if len(compiled.policies) > 1:
            raise NotEncodableError("the patterns together have too many states", None)
        return encode(compiled)

    monkeypatch.setattr("hauberk.enforcer.node.wanted.encode", together)
    one, other = policy(LS, "a", app="nginx"), policy(LS, "b", tier="web")
    alone = Workload("web", (("tier", "web"),), "c")
    both = Workload("web", (("app", "nginx"), ("tier", "web")), "c")
    made = planner()
    made.plan(Inputs((one, other), containers=(container(1), container(2, alone))))
    after = made.plan(Inputs((one, other), containers=(container(1), container(2, alone), container(3, both))))
    standings = {standing.key.name: standing.standing for standing in after.standings}
    assert standings == {"a": Standing.ENFORCED, "b": Standing.REFUSED}
    assert set(after.wanted) == {"c1", "c3"}


def test_the_lowest_of_standings() -> None:
    assert lowest([]) is Standing.ENFORCED
    assert lowest([Standing.ENFORCED, Standing.REFUSED, Standing.PENDING]) is Standing.REFUSED
