"""The daemon beside a real containerd: told by the CRI, and as the DaemonSet runs it, from the image of the recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from hauberk.policy.loose import mapping
from support import ROOT, hauberk, missing
from support.cluster import Cluster, until
from support.commands import Background
from support.containerd import HOOKED, SHELL, SOCKET, Containerd, Pod, disk, shell_image
from support.enforcing import behind
from support.guest import Guest
from support.nodedaemon import CLI, paused, reach, uptime
from support.payload import packages

pytestmark = pytest.mark.guest

NODE, SYSTEM, SPACE = "containerd-node", "containerd-system", "runtime"
ENFORCER = f"docker.io/library/hauberk-enforcer:{version('hauberk')}"
SLEEPER: dict[str, Any] = {"metadata": {"name": "shell"}, "image": {"image": SHELL}}
RUNNING = {
    "name": "shell",
    "image": SHELL,
    "imageID": SHELL,
    "ready": True,
    "restartCount": 0,
    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
}
"""Of a container's status, what kubelets say of one that runs."""
EFFECTS = {"/bin/tool": ("/bin/tool",), "/secret": ("/bin/cat", "/secret")}
"""A command for each thing that policies here block."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The enforcer's, made as the recipe says, and one with a shell."""
    enforcer = Path(os.environ.get("HAUBERK_IMAGE", "") or "-")
    if not enforcer.is_file():
        missing("HAUBERK_IMAGE names no file: run `make test`, or `make image` and name build/hauberk-enforcer.tar")
    return {"enforcer.tar": enforcer, "shell.tar": shell_image(tmp_path_factory.mktemp("images"))}


@pytest.fixture(scope="module")
def guest(
    cluster: Cluster, policies: None, images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guest]:
    cluster.add_crds(hauberk("crds").stdout)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
    )
    libraries = packages("grpcio", "kubernetes", "msgspec", "prometheus-client", "protobuf")
    image = disk(tmp_path_factory.mktemp("disk"), images)
    with Guest.boot("6.12", libraries, memory=3072, network=True, disk=image) as found:
        reach(found, cluster)
        yield found
    cluster.kubectl("delete", "node", NODE)
    cluster.kubectl("delete", "namespace", SPACE, SYSTEM, "--wait=false")


@pytest.fixture(scope="module")
def runtime(guest: Guest) -> Containerd:
    return Containerd(guest)


EMPTIED = """
from hauberk.enforcer.kernel.image import Image
kernel = Kernel(loader.adopt())
for slot in kernel.slots():
    kernel.set_policy(slot, Image())
"""
"""What somebody with root does behind the daemon's back."""


def pod_object(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SPACE, "labels": {"app": name}},
        "spec": {"nodeName": NODE, "containers": [{"name": "shell", "image": SHELL}]},
    }


def policy(app: str, *paths: str) -> dict[str, Any]:
    kinds = {"process": [one for one in paths if "/bin/" in one], "file": [one for one in paths if "/bin/" not in one]}
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": app, "namespace": SPACE},
        "spec": {
            "selector": {"matchLabels": {"app": app}},
            "action": "Block",
            **{kind: {"matchPaths": [{"path": path} for path in found]} for kind, found in kinds.items() if found},
        },
    }


def denied(pod: Pod, path: str) -> bool:
    code, complaint = pod.exec(*EFFECTS[path])
    if code:
        assert "ermission denied" in complaint, complaint
    return code != 0


def follows(cluster: Cluster, pod: Pod, app: str) -> list[str]:
    """A policy comes, changes and goes, and what the container may do follows; what was seen."""
    guest, seen = pod.runtime.guest, list[str]()

    def then(what: str, path: str, *, is_denied: bool) -> None:
        at = uptime(guest)
        while denied(pod, path) is not is_denied:
            assert uptime(guest) < at + 60, what
        # an exec through the runtime is part of it, and takes the guest most of it
        seen.append(f"{what}: {path} {'denied' if is_denied else 'allowed'} {uptime(guest) - at:.1f} s later")

    assert not denied(pod, "/bin/tool")
    cluster.apply(policy(app, "/bin/tool"))
    then("a policy is created", "/bin/tool", is_denied=True)
    assert not denied(pod, "/secret")
    cluster.apply(policy(app, "/secret"))
    then("it is changed", "/secret", is_denied=True)
    then("it is changed", "/bin/tool", is_denied=False)
    cluster.kubectl("delete", "kubearmorpolicy", app, "-n", SPACE)
    then("it is deleted", "/secret", is_denied=False)
    return seen


def states(cluster: Cluster) -> dict[str, tuple[str, int]]:
    found = cluster.request("GET", f"/apis/hauberk.dev/v1alpha1/nodepolicystatuses/{NODE}")[1]
    policies = mapping(found.get("status")).get("policies", ())
    return {one["name"]: (one["state"], one["workloads"]) for one in policies if one["namespace"] == SPACE}


def alerts(guest: Guest) -> set[tuple[str, str, str]]:
    found = [json.loads(line) for line in guest.get("/t/alerts").decode().splitlines()]
    return {(one["PodName"], one["Resource"], one["Action"]) for one in found}


def drifts(cluster: Cluster) -> set[tuple[str, str]]:
    """Policies and kinds of what the node reports of them."""
    items = cluster.request("GET", "/apis/hauberk.dev/v1alpha1/driftreports")[1]["items"]
    return {
        (one["spec"]["policy"]["name"], drift["type"])
        for one in items
        if one["spec"]["nodeName"] == NODE
        for drift in mapping(one.get("status")).get("drifts", ())
    }


def events(cluster: Cluster, name: str) -> set[str]:
    """Reasons of Events about it."""
    items = cluster.request("GET", "/apis/events.k8s.io/v1/events")[1]["items"]
    return {one["reason"] for one in items if one["regarding"]["name"] == name}


def ended(guest: Guest, daemon: Background) -> None:
    guest.run(["kill", str(daemon.pid)]).checked()
    daemon.wait()
    assert b'"event": "stopped"' in daemon.stderr, daemon.stderr.decode()


def test_containers_that_the_runtime_tells_of(cluster: Cluster, guest: Guest, runtime: Containerd) -> None:
    before = runtime.run("before", SPACE, {"app": "before"}, SLEEPER)
    options = ["--kubeconfig", "/t/kubeconfig", "--node", NODE, "--jitter", "0", "--alerts", "/t/alerts"]
    daemon = guest.start([*CLI, "run", "--cri", SOCKET, "--lease-namespace", SYSTEM, *options])
    until(lambda: b'"event": "ready"' in daemon.stderr or not daemon.running, 300, "the daemon is ready")
    assert daemon.running, daemon.stderr.decode()
    log = follows(cluster, before, "before")
    after = runtime.run("after", SPACE, {"app": "after"}, SLEEPER)
    log += follows(cluster, after, "after")
    print("\n".join(log))
    cluster.apply(pod_object("gated"), policy("gated", "/bin/tool"))
    until(lambda: b"runtime/gated" in daemon.stderr, 60, "the policy is known")
    runtime.run("gated", SPACE, {"app": "gated"}, {**SLEEPER, "command": ["/bin/tool"]}, handler=HOOKED)
    until(lambda: ("gated", "/bin/tool", "Block") in alerts(guest), 60, "its first program is denied")
    # a runtime that goes and comes: what it started stays as it is
    cluster.apply(policy("after", "/secret"))
    until(lambda: denied(after, "/secret"), 60, "it is denied")
    heard = daemon.stderr.count(b'"heard": true')
    runtime.kill()
    until(lambda: b"the container runtime says UNAVAILABLE" in daemon.stderr, 120, "the daemon says so")
    runtime.start()
    until(lambda: daemon.stderr.count(b'"heard": true') > heard, 120, "it is heard again")
    until(lambda: denied(after, "/secret"), 60, "it is denied as before")
    cluster.kubectl("delete", "kubearmorpolicy", "after", "gated", "-n", SPACE)
    until(lambda: not denied(after, "/secret"), 60, "it is over")
    ended(guest, daemon)
    with pytest.raises(AssertionError, match=r"hauberk-enforcer run"):
        runtime.run("early", SPACE, {"app": "early"}, SLEEPER, handler=HOOKED)


def test_the_image_runs_as_the_daemon_set_says(cluster: Cluster, guest: Guest, runtime: Containerd) -> None:
    """A kubelet's part is played by the test: it gives the runtime what the DaemonSet says, and the API the status."""
    guest.run(["mkdir", "-p", "/run/hauberk"]).checked()
    daemon = runtime.run("hauberk-enforcer", SYSTEM, {}, daemon_container(cluster), pids_of_node=True)
    web = runtime.run("web", SPACE, {"app": "web"}, SLEEPER)
    cluster.apply(pod_object("web"))
    status = {"phase": "Running", "containerStatuses": [{"containerID": f"containerd://{web.container}", **RUNNING}]}
    path = f"/api/v1/namespaces/{SPACE}/pods/web/status"
    code, answer = cluster.request("PATCH", path, {"status": status}, "application/merge-patch+json")
    assert code == 200, answer
    cluster.apply(policy("web", "/secret"))
    until(lambda: states(cluster) == {"web": ("Enforced", 1)}, 300, "the status says so", lambda: daemon.log)
    assert denied(web, "/secret")
    cluster.kubectl("delete", "kubearmorpolicy", "web", "-n", SPACE)
    until(lambda: not denied(web, "/secret"), 60, "it is allowed again", lambda: daemon.log)
    print("\n".join(follows(cluster, web, "web")))
    arguments = policy("web", "/bin/tool")
    arguments["metadata"]["name"] = "arguments"
    arguments["spec"]["process"]["matchPaths"][0]["allowedArgs"] = ["a"]
    cluster.apply(arguments)
    until(lambda: drifts(cluster) == {("arguments", "NotEnforced")}, 60, "it is a drift", lambda: daemon.log)
    until(lambda: events(cluster, "arguments") == {"NotEnforced"}, 60, "an Event says it")
    print(cluster.kubectl("get", "nodepolicystatuses,driftreports", "-A"))
    cluster.kubectl("delete", "kubearmorpolicy", "arguments", "-n", SPACE)
    until(lambda: not drifts(cluster), 60, "it is over", lambda: daemon.log)
    cluster.apply(policy("web", "/secret"))
    until(lambda: denied(web, "/secret"), 60, "it is denied", lambda: daemon.log)
    with paused(guest):
        behind(guest, EMPTIED)
        assert not denied(web, "/secret")
    until(lambda: drifts(cluster) == {("web", "Tampered")}, 120, "it is told", lambda: daemon.log)
    assert denied(web, "/secret")
    until(lambda: "Tampered" in events(cluster, NODE), 60, "an Event says it")
    until(lambda: not drifts(cluster), 120, "it is over", lambda: daemon.log)
    guest.run(["rm", "/sys/fs/bpf/hauberk/links/hauberk_open"]).checked()
    until(lambda: drifts(cluster) == {("web", "Tampered")}, 120, "it is told", lambda: daemon.log)
    until(lambda: not drifts(cluster), 120, "it is over", lambda: daemon.log)
    assert denied(web, "/secret")
    # enforcement outlives its container
    runtime.ask("StopContainer", container_id=daemon.container, timeout=20)
    assert denied(web, "/secret")
    # and ends where it is removed
    removal = container_of(cluster, "deploy/remove", "initContainers")
    removed = runtime.run("remove", SYSTEM, {}, removal, pids_of_node=True)
    until(lambda: not denied(web, "/secret"), 120, "nothing is denied any more", lambda: removed.log)


def daemon_container(cluster: Cluster) -> dict[str, Any]:
    """With a kubeconfig in the place of its account."""
    options = ["--kubeconfig", "/t/kubeconfig", "--jitter", "0", "--lease-namespace", SYSTEM]
    found = container_of(cluster, "deploy/enforcer", "containers")
    return {**found, "args": [*found["args"], *options]}


def container_of(cluster: Cluster, folder: str, which: str) -> dict[str, Any]:
    """The container of a DaemonSet, as a kubelet translates it."""
    documents = yaml.safe_load_all(cluster.kubectl("kustomize", str(ROOT / folder)))
    spec = next(one for one in documents if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    assert spec["hostPID"] is True
    [found] = spec[which]
    hosts = {one["name"]: one["hostPath"]["path"] for one in spec["volumes"]}
    security = found["securityContext"]
    assert security["privileged"] is False
    mounts = [
        {"container_path": one["mountPath"], "host_path": hosts[one["name"]], "readonly": one.get("readOnly", False)}
        for one in found["volumeMounts"]
    ]
    return {
        "metadata": {"name": found["name"]},
        "image": {"image": ENFORCER},
        "command": found["command"],
        "args": found["args"],
        "envs": [{"key": "NODE_NAME", "value": NODE}],
        "mounts": [*mounts, {"container_path": "/t", "host_path": "/t", "readonly": True}],
        "linux": {
            "security_context": {
                "capabilities": {
                    "add_capabilities": security["capabilities"]["add"],
                    "drop_capabilities": security["capabilities"]["drop"],
                },
                "readonly_rootfs": security["readOnlyRootFilesystem"],
                "no_new_privs": not security["allowPrivilegeEscalation"],
            }
        },
    }
