"""The fewest steps from what is there to what is wanted. The kernel is a stand-in here: guests have the real one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.node.made import LS, Kernel, container, policy
from hauberk.enforcer import state as states
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.kernel.errors import KernelError, TooLargeError
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import Settings
from hauberk.enforcer.node import applied
from hauberk.enforcer.node.applied import Applied, Applier, Tampering
from hauberk.enforcer.node.wanted import Cause, Container, Failure, Inputs, Planner, PolicyObject, Wanted
from hauberk.enforcer.state import Group

NET = "network: {matchProtocols: [{protocol: tcp}]}\naction: Block"
ENTRIES = "its entries in the kernel are others than those of its policies"
PROGRAMS = ("hauberk_open",)


class Bench:
    def __init__(self, path: Path) -> None:
        self.kernel, self.path = Kernel(), path / "state.json"
        self.planner = Planner(lambda _: lambda path: path)
        self.again()

    def again(self) -> None:
        """Another daemon, over the same kernel."""
        self.applier = Applier(self.kernel, self.path, PROGRAMS, lambda: PROGRAMS)  # type: ignore[arg-type]

    def wanted(self, containers: Iterable[Container], *policies: PolicyObject) -> dict[str, Wanted]:
        return dict(self.planner.plan(Inputs(policies, containers=tuple(containers))).wanted)

    def apply(self, containers: Iterable[Container], *policies: PolicyObject) -> tuple[Applied, list[str]]:
        self.kernel.calls.clear()
        did = self.applier.apply(self.wanted(containers, *policies))
        return did, list(self.kernel.calls)

    def compared(self) -> list[str]:
        return [str(one) for part in self.applier.comparisons() for one in part]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_there_already_is_left_alone(bench: Bench) -> None:
    did, calls = bench.apply([container(1)], policy(LS))
    assert (did.swapped, did.registered, did.failed) == (1, 1, {})
    # the policy first: a cgroup without one would not be judged, but one with another's would
    assert calls == ["set 1", "register 1"]
    did, calls = bench.apply([container(1)], policy(LS))
    assert not did.changed
    assert calls == []


def test_a_change_of_a_policy_is_one_swap_in_each_container_that_it_selects(bench: Bench) -> None:
    bench.apply([container(1), container(2)], policy(LS))
    assert bench.apply([container(1), container(2)], policy(NET))[1] == ["set 1", "set 2"]
    assert bench.apply([container(1)], policy(NET))[1] == ["clear 2", "unregister 2"]
    assert bench.apply([container(1)])[1] == ["clear 1", "unregister 1"]
    state = states.read(bench.path)
    assert state is not None
    assert state.slots == {}


def test_a_slot_stays_its_cgroups_while_that_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tasks have a label with the slot, which nobody takes back: another's policy would judge them."""
    there = {101, 102}
    monkeypatch.setattr(applied, "exists", lambda group: group.id in there)
    monkeypatch.setattr(Tree, "ids", lambda _: {number: str(number) for number in there})
    bench.apply([container(1)], policy(LS))
    assert bench.apply([container(1)])[1] == ["clear 1"]
    other = container(2)
    assert bench.apply([container(1), other], policy(LS, "q"))[1] == ["set 1", "set 2", "register 2"]
    assert bench.apply([container(1), other])[1] == ["clear 1", "clear 2"]
    bench.again()
    assert bench.apply([other], policy(LS))[1] == ["set 2"]
    there.remove(101)
    assert bench.apply([other], policy(LS))[1] == ["unregister 1"]
    assert bench.apply([other, container(3)], policy(LS))[1] == ["set 1", "register 3"]


def test_a_container_that_starts_again_under_its_name_is_registered_again(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    again = replace(container(1), group=Group(109, "/sys/fs/cgroup/9"))
    assert bench.apply([again], policy(LS))[1] == ["clear 1", "unregister 1", "set 1", "register 9"]
    assert bench.kernel.registered == {109: 1}


def test_settings_that_somebody_else_changed_are_written_again(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    assert bench.compared() == []
    bench.kernel.now = Settings(burst=100, window=10**9, observe=1)
    assert bench.compared() == ["the settings in the kernel are others than those of the daemon"]
    assert bench.compared() == []


def test_records_of_earlier_versions_can_be_named(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    before = bench.kernel.version(1)
    bench.apply([container(1)], policy(NET))
    first, second = bench.applier.image(1, before), bench.applier.image(1, bench.kernel.version(1))
    assert first is not None
    assert second is not None
    assert first.rules[0].entry.pointer == "/spec/process/matchPaths/0"
    assert second.rules[0].entry.pointer == "/spec/network/matchProtocols/0"
    assert bench.applier.image(1, 999) is None


def test_another_daemon_adopts_what_is_there_and_changes_nothing(bench: Bench) -> None:
    bench.apply([container(1), container(2)], policy(LS))
    bench.again()
    did, calls = bench.apply([container(1), container(2)], policy(LS))
    assert not did.changed
    assert calls == []
    assert bench.applier.image(1, bench.kernel.version(1)) is not None


def test_another_daemon_puts_right_what_is_not_as_it_was_written(bench: Bench) -> None:
    bench.apply([container(1), container(2), container(3)], policy(LS))
    bench.kernel.held[1] = (99, Image())
    bench.again()
    did, calls = bench.apply([container(1), container(2)], policy(LS))
    assert did.swapped == 1
    assert calls == ["clear 3", "unregister 3", "set 1"]
    assert bench.applier.found == [Tampering("c1", ENTRIES)]


def test_what_does_not_fit_is_told_and_what_was_there_stays(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    bench.kernel.full = True
    did, calls = bench.apply([container(1), container(2)], policy(NET))
    assert set(did.failed) == {"c1", "c2"}
    assert did.failed["c1"].cause is Cause.CAPACITY
    assert did.failed["c1"].text.startswith("the policy takes 2 MB")
    assert calls == []
    bench.kernel.full = False
    assert bench.apply([container(1), container(2)], policy(NET))[1] == ["set 1", "set 2", "register 2"]


def test_what_somebody_else_changed_is_written_again(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    assert bench.compared() == []
    bench.kernel.held[1] = (99, bench.wanted([container(1)], policy(NET))["c1"].image)
    del bench.kernel.registered[101]
    assert bench.compared() == [f"c1: {ENTRIES}", "c1: its cgroup is not registered any more"]
    assert bench.compared() == []


def test_what_cannot_be_put_right_is_said_all_the_same(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    bench.kernel.held.clear()
    bench.kernel.without_memory = True
    parts = list(bench.applier.comparisons())
    assert [list(part) for part in (*parts[:2], parts[-1])] == [[], [], []]
    assert str(next(parts[2])) == f"c1: {ENTRIES}"
    with pytest.raises(KernelError):
        next(parts[2])


def test_another_package_that_writes_other_entries_is_no_tampering(bench: Bench) -> None:
    bench.apply([container(1)], policy(LS))
    bench.again()
    wanted = bench.wanted([container(1)], policy(LS))["c1"]
    image = replace(wanted.image, sets=((1,),))
    assert bench.applier.apply({"c1": replace(wanted, image=image)}).swapped == 1
    assert bench.applier.found == []


def test_a_cgroup_around_those_of_containers_that_somebody_registered_is_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.apply([container(1), container(2)], policy(LS))
    paths = {1: "/sys/fs/cgroup", 107: f"{container(1).group.path}/inner", 108: "/sys/fs/cgroup/11"}
    monkeypatch.setattr(Tree, "ids", lambda _: paths)
    # what is inside of one, or beside, changes nothing
    bench.kernel.registered |= {1: 5, 107: 5, 108: 5}
    said = "/sys/fs/cgroup, which it is in, was given to another workload"
    assert bench.compared() == [f"c1: {said}", f"c2: {said}"]
    assert bench.kernel.registered == {101: 1, 102: 2, 107: 5, 108: 5}
    assert bench.compared() == []


def test_a_container_that_ends_while_it_is_registered_is_no_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise TooLargeError("no such cgroup")

    monkeypatch.setattr(bench.kernel, "register", gone)
    did, calls = bench.apply([container(1)], policy(LS))
    assert did.failed == {}
    assert calls == ["set 1", "clear 1"]
    monkeypatch.setattr(applied, "exists", lambda _: True)
    assert bench.apply([container(1)], policy(LS))[0].failed == {"c1": Failure(Cause.CAPACITY, "no such cgroup")}
