"""Where the links of a container's root are looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.node.made import LS, WEB, container, policy
from hauberk.enforcer.node.roots import Roots
from hauberk.enforcer.node.wanted import NODE
from hauberk.enforcer.state import Generation, Group, Held, State
from hauberk.policy.model import Posture

OTHER = "file: {matchPaths: [{path: /srv/x}]}\naction: Block"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The node and a container, whose /bin is a link to another folder each; process 1001 is the container's."""
    for name, target in (("node", "usr/bin"), ("node/made", "own/bin"), ("other", "other/bin")):
        (tmp_path / name / target).mkdir(parents=True)
        (tmp_path / name / "bin").symlink_to(target)
    for pid, root in (("1", "node"), ("1001", "node")):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "root").symlink_to(tmp_path / root)
    return tmp_path / "proc"


def test_while_its_runtime_is_at_work_its_root_is_not_its_processs(proc: Path) -> None:
    starting = replace(container(1), root="/made")
    assert Roots(proc=proc)(starting)("/bin/ls") == "/own/bin/ls"
    assert Roots(proc=proc)(replace(starting, id=NODE))("/bin/ls") == "/usr/bin/ls"
    change_root(proc, "other")
    assert Roots(proc=proc)(starting)("/bin/ls") == "/other/bin/ls"


def change_root(proc: Path, name: str) -> None:
    (proc / "1001/root").unlink()
    (proc / "1001/root").symlink_to(proc.parent / name)


def test_what_a_container_does_to_its_links_later_changes_no_rule(proc: Path) -> None:
    roots = Roots(proc=proc)
    one = container(1)
    assert roots(one)("/bin/ls") == "/usr/bin/ls"
    change_root(proc, "other")
    assert roots(one)("/bin/ls") == "/usr/bin/ls"
    # another start has another cgroup
    assert roots(replace(one, group=Group(7, "")))("/bin/ls") == "/other/bin/ls"
    roots.keep([])
    assert roots(one)("/bin/ls") == "/other/bin/ls"


def test_what_could_not_be_looked_up_is_looked_up_by_the_next_daemon(proc: Path) -> None:
    one = container(1)
    generation = Generation(1, WEB, Posture(), (policy(LS).given,), {}, "", unread=("/bin/ls",))
    assert Roots(State({1: Held((one.group,), (generation,))}), proc)(one)("/bin/ls") == "/usr/bin/ls"


def test_nor_does_a_restart_of_the_daemon(proc: Path) -> None:
    one = container(1)
    policies = tuple(policy(spec, name).given for spec, name in ((LS, "p"), (OTHER, "q")))
    generation = Generation(1, WEB, Posture(), policies, {"/bin/ls": "/usr/bin/ls"}, "")
    roots = Roots(State({1: Held((one.group,), (generation,))}), proc)
    (proc.parent / "node/bin").unlink()
    (proc.parent / "node/srv").symlink_to("usr")
    assert roots(one)("/bin/ls") == "/usr/bin/ls"
    assert roots(one)("/srv/x") == "/srv/x"
    assert roots(one)("/srv/y") == "/usr/y"
