"""A real containerd: its containers, told of by the CRI, by its hook, and the enforcer itself as one of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from support import ROOT
from support.commands import Background
from support.containerd import HOST, POD, SOCKET, Kubelet, Pod, containerd, enforcer_image, pause_image
from support.enforcing import CLI, cli, nothing_is_left
from support.guest import Guest

pytestmark = pytest.mark.guest

POLICIES = "/daemon/policies"
ENDED = 2
"""CONTAINER_EXITED."""
HOOK = ("/usr/bin/env", "PYTHONPATH=/opt/hauberk/python", "/usr/bin/python3", "-m", "hauberk.enforcer.main", "hook")
SLEEP = ("sleep", "infinity")
WEB = {"app": "nginx"}
POLICY = {
    "apiVersion": "security.kubearmor.com/v1",
    "kind": "KubeArmorPolicy",
    "metadata": {"name": "no-ls", "namespace": "web"},
    "spec": {
        "selector": {"matchLabels": WEB},
        "process": {"matchPaths": [{"path": "/usr/bin/ls"}]},
        "action": "Block",
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kubelet, str]]:
    """A node with containerd and the enforcer's image."""
    folder = tmp_path_factory.mktemp("containerd")
    archive, name = enforcer_image(folder)
    with containerd("6.12", folder, [archive, pause_image(folder)], HOOK) as kubelet:
        kubelet.guest.put(f"{POLICIES}/p.json", json.dumps(POLICY).encode())
        yield kubelet, name


def denied(pod: Pod) -> bool:
    done = pod.exec("ls", "/")
    assert done.returncode == 0 or b"ermission denied" in done.stderr, done.stderr
    return done.returncode != 0


def until_denied(pod: Pod, within: float) -> float:
    """Seconds of the guest's clock until then."""
    begun = uptime(pod.kubelet.guest)
    while not denied(pod):
        assert uptime(pod.kubelet.guest) < begun + within
    return uptime(pod.kubelet.guest) - begun


def uptime(guest: Guest) -> float:
    return float(guest.run(["cat", "/proc/uptime"]).checked().split()[0])


@contextmanager
def daemon(guest: Guest, *options: str) -> Iterator[Background]:
    """The daemon on the node itself; nothing of it is left afterwards."""
    process = guest.start([*CLI, "run", "--policies", POLICIES, "--alerts", "/daemon/alerts", *options])
    try:
        until(guest, process, "ready")
        yield process
    finally:
        guest.run(["kill", str(process.pid)])
        process.wait()
        cli(guest, "unload").checked()
        nothing_is_left(guest)


def until(guest: Guest, process: Background, event: str) -> None:
    end = time.monotonic() + 300
    while f'"event": "{event}"'.encode() not in process.stderr:
        assert process.running, process.stderr.decode()
        assert time.monotonic() < end, process.stderr.decode()
        time.sleep(0.1)


def test_the_runtime_tells_of_containers_before_and_after(made: tuple[Kubelet, str]) -> None:
    kubelet, name = made
    with kubelet.running("before", name, SLEEP, labels=WEB) as before, daemon(kubelet.guest, "--cri", SOCKET):
        until_denied(before, 30)
        with kubelet.running("other", name, SLEEP, labels={"app": "other"}) as other:
            with kubelet.running("after", name, SLEEP, labels=WEB) as after:
                took = until_denied(after, 30)
                print(f"a container was enforced {took:.1f} s of the guest after it had started, by the CRI's event")
            assert not denied(other)
        alerts = [json.loads(line) for line in kubelet.guest.get("/daemon/alerts").decode().splitlines()]
        found = {(one["PodName"], one["NamespaceName"], one["ContainerName"], one["PolicyName"]) for one in alerts}
        assert found == {("before", "web", "main", "no-ls"), ("after", "web", "main", "no-ls")}


def exit_code(kubelet: Kubelet, image: str) -> int:
    """Of a container of the web whose only program is `ls`."""
    with kubelet.running("short", image, ["ls", "/"], runtime="hooked", labels=WEB) as pod:
        end = time.monotonic() + 60
        while (found := pod.status())["state"] != ENDED:
            assert time.monotonic() < end
        return int(found.get("exit_code", 0))


def test_with_the_hook_its_first_program_is_judged(made: tuple[Kubelet, str]) -> None:
    kubelet, name = made
    with daemon(kubelet.guest):
        assert exit_code(kubelet, name) != 0
        (alert,) = [json.loads(line) for line in kubelet.guest.get("/daemon/alerts").decode().splitlines()][-1:]
        assert (alert["Resource"], alert["PodName"], alert["Result"]) == ("/usr/bin/ls", "short", "Permission denied")
        kubelet.guest.run(["rm", f"{POLICIES}/p.json"]).checked()
        try:
            end = time.monotonic() + 60
            while exit_code(kubelet, name):
                assert time.monotonic() < end
        finally:
            kubelet.guest.put(f"{POLICIES}/p.json", json.dumps(POLICY).encode())


# ---------------------------------------------------------------------- as the DaemonSet runs it


def template() -> dict[str, Any]:
    (document,) = yaml.safe_load_all((ROOT / "deploy/enforcer/daemonset.yaml").read_text())
    pod: dict[str, Any] = document["spec"]["template"]["spec"]
    return pod


def as_the_kubelet_says_it(*, without: str = "") -> dict[str, Any]:
    """The DaemonSet's container for the CRI; policies come from a folder, as there is no API server here."""
    pod = template()
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert pod["hostPID"] is True
    assert security["privileged"] is False
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"]}
    mounts = [
        {
            "container_path": mount["mountPath"],
            "host_path": paths[mount["name"]],
            "readonly": mount.get("readOnly", False),
        }
        for mount in container["volumeMounts"]
    ]
    mounts.append({"container_path": "/policies", "host_path": POLICIES, "readonly": True})
    capabilities = {
        "add_capabilities": [name for name in security["capabilities"]["add"] if name != without],
        "drop_capabilities": security["capabilities"]["drop"],
    }
    return {
        "args": [*container["args"], "--policies", "/policies"],
        "mounts": mounts,
        "envs": [{"key": "NODE_NAME", "value": "guest"}],
        "linux": {
            "security_context": {
                "capabilities": capabilities,
                "namespace_options": {"network": HOST, "pid": HOST, "ipc": POD},
                "readonly_rootfs": security["readOnlyRootFilesystem"],
                "no_new_privs": not security["allowPrivilegeEscalation"],
            }
        },
    }


def command() -> list[str]:
    (container,) = template()["containers"]
    found: list[str] = container["command"]
    return found


@contextmanager
def enforcing(kubelet: Kubelet, name: str, *, without: str = "") -> Iterator[Pod]:
    kubelet.guest.run(["mkdir", "-p", "/run/hauberk"]).checked()
    with kubelet.running(
        "enforcer", name, command(), namespace="hauberk-system", **as_the_kubelet_says_it(without=without)
    ) as pod:
        end = time.monotonic() + 300
        while '"event": "ready"' not in pod.said() and pod.status()["state"] == 1:
            assert time.monotonic() < end, pod.said()
            time.sleep(0.2)
        yield pod
    cli(kubelet.guest, "unload")


def test_the_image_enforces_as_the_daemonset_runs_it(made: tuple[Kubelet, str]) -> None:
    kubelet, name = made
    with (
        enforcing(kubelet, name) as enforcer,
        kubelet.running("web", name, SLEEP, runtime="hooked", labels=WEB) as web,
    ):
        assert enforcer.status()["state"] == 1, enforcer.said()
        assert denied(web)
        assert '"PolicyName": "no-ls"' in enforcer.said()


@pytest.mark.parametrize("capability", template()["containers"][0]["securityContext"]["capabilities"]["add"])
def test_each_capability_of_the_daemonset_is_needed(made: tuple[Kubelet, str], capability: str) -> None:
    """Without it the enforcer does not get ready, or does not enforce: what it says names what is missing."""
    kubelet, name = made
    with enforcing(kubelet, name, without=capability) as enforcer:
        assert enforcer.status()["state"] != 1, enforcer.said()
        print(f"without {capability}: {enforcer.said().splitlines()[-1]}")
