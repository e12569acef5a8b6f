"""Where the links of a container's root are looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.node.made import container
from hauberk.enforcer.node.roots import Roots
from hauberk.enforcer.node.wanted import NODE


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


def test_before_and_after_the_runtime_gave_it_its_root(proc: Path) -> None:
    roots = Roots(proc)
    starting = replace(container(1), root="/made")
    assert roots(starting)("/bin/ls") == "/own/bin/ls"
    assert roots(replace(starting, id=NODE))("/bin/ls") == "/usr/bin/ls"
    (proc / "1001/root").unlink()
    (proc / "1001/root").symlink_to(proc.parent / "other")
    assert roots(starting)("/bin/ls") == "/other/bin/ls"


def test_looked_up_once_for_each_start(proc: Path) -> None:
    roots = Roots(proc)
    one = container(1)
    assert roots(one)("/bin/ls") == "/usr/bin/ls"
    (proc.parent / "node/bin").unlink()
    assert roots(one)("/bin/ls") == "/usr/bin/ls"
    roots.keep({"c2"})
    assert roots(one)("/bin/ls") == "/bin/ls"
