"""Cgroups by path and by process, and which workload they are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.groups import Tree, exists, slot_of
from hauberk.enforcer.state import Group
from hauberk.policy.problems import HauberkError


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    cgroups, proc = tmp_path / "cgroup", tmp_path / "proc"
    for name in ("", "a", "a/b", "c", "us", "us/inner"):
        (cgroups / name).mkdir(parents=True)
        (cgroups / name / "cgroup.procs").touch()
    for pid, lines in {
        "self": "0::/us/inner",
        "7": "0::/a/b",
        "8": "1:cpu:/x\n0::/c",
        "9": "1:cpu:/x",
        "10": "0::/",
    }.items():
        (proc / pid).mkdir(parents=True)
        (proc / pid / "cgroup").write_text(lines + "\n")
    return Tree(cgroups, proc)


def names(tree: Tree, groups: tuple[Group, ...]) -> list[str]:
    return [str(Path(group.path).relative_to(tree.cgroups)) for group in groups]


def test_by_path_and_by_process_each_once(tree: Tree) -> None:
    found = tree.named([f"{tree.cgroups}/a/b", "c", "/a/b/"], [7, 8])
    assert names(tree, found) == ["a/b", "c"]
    assert found[0].id == (tree.cgroups / "a/b").stat().st_ino
    assert exists(found[0])
    assert not exists(Group(1, found[0].path))


@pytest.mark.parametrize("path", ["nothing", "/etc", "a/../../..", "a/b/cgroup.procs"])
def test_no_cgroup(tree: Tree, path: str) -> None:
    with pytest.raises(HauberkError, match="no such cgroup"):
        tree.named([path], [])


@pytest.mark.parametrize(("pid", "said"), [(99, "no such process"), (9, "in no cgroup of version 2")])
def test_no_process(tree: Tree, pid: int, said: str) -> None:
    with pytest.raises(HauberkError, match=said):
        tree.named([], [pid])


def test_the_root_and_our_own_are_refused(tree: Tree) -> None:
    for path in ("/", str(tree.cgroups)):
        with pytest.raises(RefusedError, match="root of all cgroups"):
            tree.named([path], [])
    with pytest.raises(RefusedError, match="root of all cgroups"):
        tree.named([], [10])
    for path in ("us", "us/inner"):
        with pytest.raises(RefusedError, match="would confine itself"):
            tree.named([path], [])


def test_which_workload(tree: Tree) -> None:
    paths = tree.ids()
    (a,), (inner,), (c,) = (tree.named([path], []) for path in ("a", "a/b", "c"))
    assert slot_of([a], {}, paths) is None
    assert slot_of([a], {a.id: 3}, paths) == 3
    assert slot_of([a, c], {a.id: 3}, paths) == 3
    assert slot_of([a, inner], {a.id: 3}, paths) == 3
    assert slot_of([c], {a.id: 3, 12345: 4}, paths) is None
    with pytest.raises(RefusedError, match="different workloads"):
        slot_of([a, c], {a.id: 3, c.id: 4}, paths)
    for group, other in ((inner, a), (a, inner)):
        with pytest.raises(RefusedError, match="one inside the other"):
            slot_of([group], {other.id: 3}, paths)
