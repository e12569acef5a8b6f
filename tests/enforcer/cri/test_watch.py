"""Containers as a runtime tells of them. It is a stand-in that speaks the CRI: a guest has a real containerd."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from hauberk.enforcer.cri.messages import MESSAGES, PACKAGE
from hauberk.enforcer.cri.runtime import Runtime
from hauberk.enforcer.cri.watch import Watch
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node.wanted import Container
from hauberk.policy.model import Workload
from hauberk.policy.problems import HauberkError


class Stand:
    """A runtime with containers by id: (name, pid)."""

    def __init__(self, path: Path) -> None:
        self.path, self.containers = path, dict[str, tuple[str, int]]()
        self.has_events, self.lists = True, 0
        self._event = threading.Condition()
        self._happened: list[str] = []
        self.start()

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(8))
        kinds: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
            "ListContainers": (self._list, "ListContainersRequest"),
            "ListPodSandbox": (self._pods, "ListPodSandboxRequest"),
            "ContainerStatus": (self._status, "ContainerStatusRequest"),
        }
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.unary_unary_rpc_method_handler(
                answer, MESSAGES[request].FromString, lambda found: found.SerializeToString()
            )
            for name, (answer, request) in kinds.items()
        }
        handlers["GetContainerEvents"] = grpc.unary_stream_rpc_method_handler(
            self._events, MESSAGES["GetEventsRequest"].FromString, lambda found: found.SerializeToString()
        )
        service = grpc.method_handlers_generic_handler(f"{PACKAGE}.RuntimeService", handlers)
        self._server.add_generic_rpc_handlers((service,))
        self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()

    def stop(self) -> None:
        with self._event:
            self._event.notify_all()
        self._server.stop(0).wait()

    def run(self, name: str, pid: int) -> None:
        self.containers[f"id-{name}"] = (name, pid)
        with self._event:
            self._happened.append(f"id-{name}")
            self._event.notify_all()

    def _list(self, request: Any, _: Any) -> Any:
        assert request.filter.state.state == 1
        self.lists += 1
        found = [
            MESSAGES["Container"](id=number, pod_sandbox_id="s", metadata={"name": name}, image={"image": "nginx:1"})
            for number, (name, _) in self.containers.items()
        ]
        orphan = MESSAGES["Container"](id="of no pod", pod_sandbox_id="gone")
        return MESSAGES["ListContainersResponse"](containers=[*found, orphan])

    def _pods(self, *_: Any) -> Any:
        labels = {"app": "nginx", "io.kubernetes.pod.name": "nginx-1"}
        pod = MESSAGES["PodSandbox"](id="s", metadata={"name": "nginx-1", "namespace": "web"}, labels=labels)
        return MESSAGES["ListPodSandboxResponse"](items=[pod])

    def _status(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = self.containers.get(request.container_id)
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such container")
        assert request.verbose
        return MESSAGES["ContainerStatusResponse"](info={"info": json.dumps({"pid": found[1]})})

    def _events(self, _: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if not self.has_events:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no events")
        while context.is_active():
            with self._event:
                self._event.wait(0.2)
                happened, self._happened = self._happened, []
            for one in happened:
                yield MESSAGES["ContainerEventResponse"](container_id=one, container_event_type=1)


class Sink:
    def __init__(self) -> None:
        self.told: dict[str, Container] = {}

    def knows(self, name: str) -> bool:
        return name in self.told

    def found(self, container: Container) -> None:
        self.told[container.id] = container


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path / "cri.sock")
    yield made
    made.stop()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for pid in (41, 42, 43):
        (tmp_path / f"cgroup/pods/{pid}").mkdir(parents=True)
        (tmp_path / f"cgroup/pods/{pid}/cgroup.procs").touch()
        (tmp_path / f"proc/{pid}").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/cgroup").write_text(f"0::/pods/{pid}\n")
    return Tree(tmp_path / "cgroup", tmp_path / "proc")


class Bench:
    def __init__(self, stand: Stand, tree: Tree) -> None:
        self.sink, self.said = Sink(), list[str]()
        self.watch = Watch(Runtime(f"unix://{stand.path}"), tree, self.sink, self.said.append)


@pytest.fixture
def bench(stand: Stand, tree: Tree) -> Iterator[Bench]:
    made = Bench(stand, tree)
    yield made
    made.watch.close()


def until(happens: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_container_is_told_of_with_all_that_policies_select_by(stand: Stand, bench: Bench) -> None:
    stand.run("nginx", 42)
    bench.watch.look()
    found = bench.sink.told["id-nginx"]
    assert found.workload == Workload("web", (("app", "nginx"),), "nginx")
    assert (found.pid, found.pod, found.image) == (42, "nginx-1", "nginx:1")
    assert found.group.path.endswith("/pods/42")
    assert list(bench.sink.told) == ["id-nginx"]


def test_what_has_ended_meanwhile_is_left_out(stand: Stand, bench: Bench) -> None:
    stand.run("created", 0)
    stand.run("gone", 99)
    stand.run("nginx", 42)
    bench.watch.look()
    assert list(bench.sink.told) == ["id-nginx"]


def test_those_of_before_and_those_that_come(stand: Stand, bench: Bench) -> None:
    stand.run("before", 41)
    bench.watch.start()
    until(lambda: "id-before" in bench.sink.told)
    until(lambda: stand.lists > 1)
    stand.run("later", 42)
    until(lambda: "id-later" in bench.sink.told)
    assert bench.said == []


def test_a_runtime_without_events_is_asked_again_and_again(stand: Stand, bench: Bench) -> None:
    stand.has_events = False
    bench.watch.start()
    until(lambda: stand.lists)
    stand.containers["id-nginx"] = ("nginx", 42)
    until(lambda: "id-nginx" in bench.sink.told)
    assert bench.said == []


def test_a_runtime_that_goes_and_comes_is_said_once(stand: Stand, bench: Bench) -> None:
    bench.watch.start()
    until(lambda: stand.lists)
    stand.stop()
    until(lambda: bench.said)
    assert "the container runtime says UNAVAILABLE" in bench.said[0]
    assert bench.watch.trouble
    stand.containers["id-nginx"] = ("nginx", 42)
    stand.start()
    until(lambda: "id-nginx" in bench.sink.told)
    until(lambda: bench.said[-1] == "")
    assert not bench.watch.trouble


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    runtime = Runtime(str(tmp_path / "none.sock"))
    with pytest.raises(HauberkError, match=r"none\.sock: the container runtime says UNAVAILABLE"):
        runtime.running()


def test_what_cannot_be_written_down_is_said_and_tried_again(
    stand: Stand, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.run("nginx", 42)

    def full(_: Container) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(bench.sink, "found", full)
        bench.watch.start()
        until(lambda: bench.said)
        assert "No space left on device" in bench.said[0]
    until(lambda: "id-nginx" in bench.sink.told)


def test_a_connection_that_was_closed_is_an_error_in_one_line(stand: Stand) -> None:
    runtime = Runtime(str(stand.path))
    runtime.close()
    with pytest.raises(HauberkError, match="the connection was closed"):
        runtime.running()
    with pytest.raises(HauberkError, match="the connection was closed"):
        next(runtime.events())
