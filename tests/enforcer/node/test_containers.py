"""What runtimes tell of containers, and the way it takes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node import hook, sinks
from hauberk.enforcer.node.containers import Containers, container_of
from hauberk.enforcer.node.hook import Door
from hauberk.policy.model import Workload
from hauberk.policy.problems import HauberkError

CONTAINERD = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-namespace": "web",
    "io.kubernetes.cri.sandbox-name": "nginx-1",
    "io.kubernetes.cri.container-name": "nginx",
    "io.kubernetes.cri.image-name": "docker.io/library/nginx:1",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Cgroups and processes as a node has them: 42 is in /pods/a."""
    (tmp_path / "cgroup/pods/a").mkdir(parents=True)
    (tmp_path / "cgroup/pods/a/cgroup.procs").touch()
    for pid, path in (("42", "/pods/a"), ("self", "/system")):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "cgroup").write_text(f"0::{path}\n")
    (tmp_path / "proc/1").mkdir()
    (tmp_path / "proc/1/root").symlink_to("/")
    return Tree(tmp_path / "cgroup", tmp_path / "proc")


def state(**annotations: str) -> dict[str, Any]:
    return {"ociVersion": "1.0.2", "id": "abc", "status": "creating", "pid": 42, "annotations": annotations}


def test_containerd_and_plain_runtimes(tree: Tree) -> None:
    found = container_of(state(**CONTAINERD), tree)
    assert found is not None
    assert (found.workload, found.pod) == (Workload("web", (), "nginx"), "nginx-1")
    assert (found.image, found.group.path) == ("docker.io/library/nginx:1", str(tree.cgroups / "pods/a"))
    plain = container_of(state(**{"hauberk.dev/labels": "app=db, tier=1", "hauberk.dev/namespace": "vm"}), tree)
    assert plain is not None
    assert plain.workload == Workload("vm", (("app", "db"), ("tier", "1")), "abc")


def test_who_makes_a_pod_cannot_say_who_it_is(tree: Tree) -> None:
    lies = {"hauberk.dev/namespace": "other", "hauberk.dev/labels": "app=x", "hauberk.dev/pod": "y"}
    assert container_of(state(**CONTAINERD, **lies), tree) == container_of(state(**CONTAINERD), tree)
    crio = {
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.pod.namespace": "web",
        "io.kubernetes.pod.name": "nginx-1",
        "io.kubernetes.container.name": "nginx",
    }
    found = container_of(state(**crio, **{"io.kubernetes.cri.container-type": "sandbox"}, **lies), tree)
    assert found is not None
    assert (found.workload, found.pod) == (Workload("web", (), "nginx"), "nginx-1")


def test_the_root_is_where_the_bundle_says(tree: Tree, tmp_path: Path) -> None:
    given = state(**CONTAINERD) | {"bundle": str(tmp_path)}
    with pytest.raises(HauberkError, match="does not say where its root file system is"):
        container_of(given, tree)
    (tmp_path / "config.json").write_text('{"root": {"path": "rootfs"}}')
    found = container_of(given, tree)
    assert found is not None
    assert found.root == f"{tmp_path}/rootfs"
    Containers(tmp_path / "containers.json").add(found)
    assert [one.root for one in Containers(tmp_path / "containers.json").all()] == [""]


def test_a_sandbox_is_no_container(tree: Tree) -> None:
    assert container_of(state(**CONTAINERD | {"io.kubernetes.cri.container-type": "sandbox"}), tree) is None


@pytest.mark.parametrize("given", [{}, {"id": "a"}, {"id": "a", "pid": True}, {"id": "a", "pid": -1}, {"pid": 42}])
def test_what_is_no_state(tree: Tree, given: dict[str, Any]) -> None:
    with pytest.raises(HauberkError, match="no state of an OCI runtime"):
        container_of(given, tree)
    with pytest.raises(HauberkError, match="no such process"):
        container_of({"id": "a", "pid": 43}, tree)


def test_containers_outlive_the_daemon_and_are_forgotten_with_their_cgroup(tree: Tree, tmp_path: Path) -> None:
    found = container_of(state(**CONTAINERD), tree)
    assert found is not None
    Containers(tmp_path / "containers.json").add(found)
    again = Containers(tmp_path / "containers.json")
    assert again.all() == (found,)
    assert not again.forget()
    (tree.cgroups / "pods/a/cgroup.procs").unlink()
    (tree.cgroups / "pods/a").rmdir()
    assert again.forget()
    assert again.all() == ()
    assert len(Containers(tmp_path / "containers.json")) == 0


@pytest.mark.parametrize("text", ["[", '{"version": 9}', '{"version": 1, "containers": [{}]}', "[]"])
def test_a_damaged_file_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "containers.json").write_text(text)
    with pytest.raises(HauberkError, match=r"containers\.json: .*remove it"):
        Containers(tmp_path / "containers.json")


# -- the hook


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[Path, list[Mapping[str, Any]]]]:
    heard: list[Mapping[str, Any]] = []

    def answer(given: Mapping[str, Any]) -> str:
        heard.append(given)
        return "no" if given.get("id") == "bad" else ""

    opened = Door(tmp_path / "hook.sock", answer)
    yield tmp_path / "hook.sock", heard
    opened.close()
    assert not (tmp_path / "hook.sock").exists()


def test_the_answer_is_the_daemons(door: tuple[Path, list[Mapping[str, Any]]]) -> None:
    path, heard = door
    assert path.stat().st_mode & 0o777 == 0o600
    hook.told(path, state())
    assert heard == [state()]
    with pytest.raises(HauberkError, match=r"^not started: no$"):
        hook.told(path, {"id": "bad"})


def test_rubbish_is_answered_and_the_door_stays_open(door: tuple[Path, list[Mapping[str, Any]]]) -> None:
    path, _ = door
    for rubbish in (b"{\n", b"[]\n", b"\xff\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as out:
            out.connect(str(path))
            out.sendall(rubbish)
            assert json.loads(out.recv(1000)) == {"error": "no state of a container in JSON"}
    hook.told(path, state())


def test_without_a_daemon_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(HauberkError, match="is `hauberk-enforcer run` at work"):
        hook.told(tmp_path / "hook.sock", state())


# -- where alerts go


def test_lines_are_appended_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "alerts"
    for _ in range(2):
        sink = sinks.opened(str(path))
        sink.write('{"a":1}')
        sink.close()
    assert path.read_text() == '{"a":1}\n{"a":1}\n'
    with pytest.raises(HauberkError, match="No such file or directory"):
        sinks.opened(str(tmp_path / "none" / "alerts"))


def test_a_full_disk_loses_whole_lines_and_counts_them() -> None:
    sink = sinks.opened("/dev/full")
    sink.write("line")
    assert (sink.written, sink.lost, sink.reason) == (0, 1, "No space left on device")
    sink.close()


def test_a_socket_that_nobody_reads_loses_and_one_that_somebody_reads_gets(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    sink = sinks.opened(f"unix:{path}")
    sink.write("first")
    assert sink.lost == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(path))
        sink.write("second")
        assert reader.recv(100) == b"second\n"
    os.unlink(path)  # noqa: PTH108
    sink.write("third")
    assert (sink.written, sink.lost) == (1, 2)
    sink.close()
