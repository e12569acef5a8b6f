"""The daemon's side of the API, against a real server: what it watches, and what it writes.

The kernel is a stand-in, which takes all that fits: it cannot load BPF LSM programs where the server runs. Guests have
the real one (tests/guest/test_daemon.py).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.node.made import Kernel
from hauberk.enforcer.cluster.api import Api, ApiError
from hauberk.enforcer.cluster.events import Regarding, Said
from hauberk.enforcer.cluster.reporter import Reporter
from hauberk.enforcer.cluster.reports import node_object
from hauberk.enforcer.cluster.source import ClusterSource
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.node.aim import Aim
from hauberk.enforcer.node.applied import Applier
from hauberk.enforcer.node.containers import Containers
from hauberk.enforcer.node.daemon import SETTLES, Daemon
from hauberk.policy.digest import ANNOTATION
from hauberk.policy.model import Posture
from support import ROOT, hauberk, missing
from support.cluster import Cluster, until, wait_ready
from support.rights import Recorded, Right, granted

NODE, SYSTEM, SPACE = "daemon-node", "hauberk-system", "daemon"
ID = "c" * 64
WITHIN = 60
"""Seconds: a machine with much else to do is slow."""
REPORTS = "/apis/hauberk.dev/v1alpha1"
PROGRAMS = ("hauberk_open",)


def policy(name: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": SPACE, "annotations": annotations},
        "spec": {"selector": {"matchLabels": {"app": "nginx"}}, **spec},
    }


def block(path: str) -> dict[str, Any]:
    return {"action": "Block", "process": {"matchPaths": [{"path": path}]}}


class Node:
    """A node of the cluster with one pod, whose container has a cgroup, and a daemon."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder, self.kernel = cluster, folder, Kernel()
        self.used: set[Right] = set()
        cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy/enforcer"))
        cluster.kubectl("apply", "--server-side", "--dry-run=server", "-k", str(ROOT / "deploy/remove"))
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/openreports-role.yaml"))
        group = folder / f"cgroup/kubepods.slice/cri-containerd-{ID}.scope"
        group.mkdir(parents=True)
        (group / "cgroup.procs").write_text("4194303\n")
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": {"role": "web"}}},
        )
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "nginx-1", "namespace": SPACE, "labels": {"app": "nginx"}},
            "spec": {"nodeName": NODE, "containers": [{"name": "nginx", "image": "nginx"}]},
        }
        cluster.apply(pod)
        running = {"name": "nginx", "image": "nginx:1", "imageID": "", "ready": True, "restartCount": 0}
        status = {
            "containerStatuses": [
                running | {"containerID": f"containerd://{ID}", "state": {"running": {"startedAt": None}}}
            ]
        }
        code, answer = cluster.request(
            "PATCH", "/api/v1/namespaces/daemon/pods/nginx-1/status", {"status": status}, "application/merge-patch+json"
        )
        assert code == 200, answer

    def account(self) -> Path:
        """Of the enforcer's pod on this node, as the kubelet would have made it."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "enforcer", "namespace": SYSTEM},
            "spec": {
                "nodeName": NODE,
                "serviceAccountName": "hauberk-enforcer",
                "containers": [{"name": "enforcer", "image": "hauberk-enforcer"}],
            },
        }
        self.cluster.apply(pod)
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "enforcer"}}
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/hauberk-enforcer/token"
        code, answer = self.cluster.request("POST", path, {"spec": bound})
        assert code == 201, answer
        return self.cluster.config_for("enforcer", answer["status"]["token"])

    def start(self) -> None:
        api = Recorded(self.account(), self.used)
        tree = Tree(self.folder / "cgroup", self.folder / "proc")
        changed = threading.Event()
        self.source = ClusterSource(api, NODE, Posture(), changed.set, tree)
        self.reporter = Reporter(api, self.source, NODE, SYSTEM, 0.0, open_reports=True)
        state = self.folder / "state.json"
        applier = Applier(self.kernel, state, PROGRAMS, lambda: PROGRAMS)  # type: ignore[arg-type]
        containers = Containers(self.folder / "containers.json")
        aim = Aim(self.source, containers, applier.state, changed)
        with aim.ahead():
            pass
        self.daemon = Daemon(aim, applier, lambda status, _: self.reporter.tell(status), lambda: None)
        self.reporter.start(self.daemon, applier, len(PROGRAMS))
        self._thread = threading.Thread(target=self.daemon.run, args=(2.0, lambda: None, self.reporter.beat))
        self._thread.start()

    def stop(self) -> None:
        self.daemon.end()
        self._thread.join()
        self.reporter.end()
        self.source.end()

    def status(self) -> dict[str, Any]:
        code, answer = self.cluster.request("GET", f"{REPORTS}/nodepolicystatuses/{NODE}")
        found: dict[str, Any] = answer.get("status", {}) if code == 200 else {}
        return found

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.policies()}

    def policies(self) -> list[dict[str, Any]]:
        """Those of these tests: other tests leave theirs in the cluster."""
        return [one for one in self.status().get("policies", ()) if one["namespace"] == SPACE]

    def until_states(self, **states: str) -> None:
        until(lambda: self.states() == states, WITHIN, f"{states}, not {self.states()}")

    def reports(self) -> dict[str, dict[str, Any]]:
        """Drifts by type, of all reports of this node."""
        items = self.cluster.request("GET", f"{REPORTS}/driftreports")[1]["items"]
        return {
            f"{one['spec']['policy']['name']} {drift['type']}": drift
            for one in items
            for drift in one.get("status", {}).get("drifts", ())
        }

    def results(self) -> set[tuple[str, str, str]]:
        """Policy, rule and result of this node's Reports."""
        items = self.cluster.request("GET", "/apis/openreports.io/v1alpha1/reports")[1]["items"]
        assert all(one["metadata"]["name"] == f"hauberk-enforcer.{NODE}" for one in items)
        return {
            (result["policy"], result["rule"], result["result"])
            for one in items
            if one["metadata"]["namespace"] == SPACE
            for result in one["results"]
        }

    def events(self, name: str) -> list[dict[str, Any]]:
        items = self.cluster.request("GET", "/apis/events.k8s.io/v1/events")[1]["items"]
        return [one for one in items if one["regarding"]["name"] == name]


def openreports() -> str:
    """The CRDs of openreports.io, as `make cluster-tools` has them."""
    path = Path(os.environ.get("HAUBERK_OPENREPORTS", "") or "-")
    if not path.is_file():
        missing("HAUBERK_OPENREPORTS names no file: run `make test`, or `make cluster-tools` and set it")
    return path.read_text()


@pytest.fixture(scope="module")
def node(cluster: Cluster, policies: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    cluster.add_crds(hauberk("crds").stdout)
    cluster.add_crds(openreports())
    found = Node(cluster, tmp_path_factory.mktemp("node"))
    found.start()
    yield found
    found.stop()
    cluster.kubectl("delete", "-f", str(ROOT / "deploy/openreports-role.yaml"))
    cluster.kubectl("delete", "-k", str(ROOT / "deploy/enforcer"), "--wait=false")
    cluster.kubectl("delete", "namespace", SPACE, "--wait=false")
    cluster.kubectl("delete", "node", NODE)


def test_from_a_policy_to_the_kernel_and_back_to_a_status(node: Node) -> None:
    until(lambda: node.status().get("conditions"), WITHIN, "there is a status")
    assert node.states() == {}
    node.cluster.apply(policy("p", block("/bin/ls")))
    until(lambda: node.kernel.held, WITHIN, "the kernel has it")
    node.until_states(p="Enforced")
    [one] = node.policies()
    assert (one["workloads"], one["rules"], one["kind"], one["namespace"]) == (1, 1, "KubeArmorPolicy", SPACE)
    assert one["digest"].startswith("sha256:")
    conditions = {one["type"]: one["status"] for one in node.status()["conditions"]}
    assert conditions == {"Ready": "True", "Enforcing": "True", "Degraded": "False", "Stalled": "False"}
    columns = node.cluster.kubectl("get", "nodepolicystatus", NODE).splitlines()[1].split()
    assert columns[:2] == [NODE, "True"]
    assert [event["reason"] for event in node.events("p")] == ["Enforced"]
    lease = node.cluster.request(
        "GET", f"/apis/coordination.k8s.io/v1/namespaces/hauberk-system/leases/hauberk-enforcer-{NODE}"
    )[1]
    assert lease["spec"]["holderIdentity"] == NODE
    # with the Node goes what is said about it
    uid = node.cluster.request("GET", f"/api/v1/nodes/{NODE}")[1]["metadata"]["uid"]
    status = node.cluster.request("GET", f"{REPORTS}/nodepolicystatuses/{NODE}")[1]
    for one in (lease, status):
        assert [(owner["kind"], owner["uid"]) for owner in one["metadata"]["ownerReferences"]] == [("Node", uid)]


def test_the_fleet_is_rolled_up(node: Node) -> None:
    done = hauberk("status", "--kubeconfig", str(node.cluster.kubeconfig), "--format", "json")
    fleet = json.loads(done.stdout)
    assert done.returncode == (0 if fleet["well"] else 1)
    assert fleet["nodes"] >= 1
    assert NODE not in fleet["troubled"]
    [one] = [one for one in fleet["policies"] if one["namespace"] == SPACE]
    assert (one["name"], one["state"], one["nodes"]) == ("p", "Enforced", {"Enforced": 1})


def test_a_policy_that_cannot_be_enforced_is_a_drift_until_it_can(node: Node) -> None:
    bad = {"action": "Allow", "process": {"matchPaths": [{"path": "/x", "allowedArgs": ["a"]}]}}
    node.cluster.apply(policy("p", bad))
    node.until_states(p="Refused")
    conditions = {one["type"]: one for one in node.status()["conditions"]}
    assert (conditions["Ready"]["status"], conditions["Stalled"]["status"]) == ("False", "True")
    assert "allowedArgs" in conditions["Ready"]["message"]
    until(lambda: set(node.reports()) == {"p NotEnforced", "p OutOfDate"}, WITHIN, "two drifts")
    failing = {("p", "NotEnforced", "fail"), ("p", "OutOfDate", "fail")}
    until(lambda: node.results() == failing, WITHIN, "a Report says both")
    assert node.reports()["p NotEnforced"]["reason"] == "Unsupported"
    # the version before it goes on
    assert len(node.kernel.held) == 1
    done = hauberk("status", "--kubeconfig", str(node.cluster.kubeconfig))
    assert done.returncode == 1
    assert "Refused  KubeArmorPolicy daemon/p: nodes: 1 refused; 1 workloads" in done.stdout
    assert f"OutOfDate KubeArmorPolicy daemon/p on {NODE} since" in done.stdout
    node.cluster.apply(policy("p", block("/bin/cat")))
    node.until_states(p="Enforced")
    until(lambda: not node.reports(), WITHIN, "no drift")
    until(lambda: node.results() == {("p", "Enforced", "pass")}, WITHIN, "a Report says that it is enforced")


def test_the_role_of_status_is_enough_for_it(node: Node) -> None:
    cluster = node.cluster
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/status-role.yaml"))
    account = ["--serviceaccount", f"{SPACE}:reader", "-n", SYSTEM]
    cluster.kubectl("create", "serviceaccount", "reader", "-n", SPACE)
    reader = cluster.config_for("reader", cluster.token_of(SPACE, "reader"))
    try:
        cluster.kubectl("create", "clusterrolebinding", "reader", "--clusterrole", "hauberk-status", *account[:2])

        def notes() -> list[str]:
            done = hauberk("status", "--kubeconfig", reader, "--format", "json")
            return json.loads(done.stdout)["notes"] if done.stdout else [done.stderr]

        # without the Role of the namespace only heartbeats are missing, and that is told
        until(lambda: [one.partition(",")[0] for one in notes()] == ["Leases are not looked at"], WITHIN, "told", notes)
        cluster.kubectl("create", "rolebinding", "reader", "--role", "hauberk-status", *account)
        until(lambda: notes() == [], WITHIN, "all is read", notes)
    finally:
        cluster.kubectl("delete", "clusterrolebinding", "reader", "--ignore-not-found")
        cluster.kubectl("delete", "rolebinding", "reader", "-n", SYSTEM, "--ignore-not-found")


def test_a_policy_that_was_edited_after_it_was_rendered_is_a_drift(node: Node) -> None:
    node.cluster.apply(policy("p", block("/bin/cat"), **{ANNOTATION: f"sha256:{'0' * 64}"}))
    until(lambda: set(node.reports()) == {"p Edited"}, WITHIN, "a drift")
    assert node.reports()["p Edited"]["expected"] == f"sha256:{'0' * 64}"
    node.cluster.apply(policy("p", block("/bin/cat"), **{ANNOTATION: node.reports()["p Edited"]["found"]}))
    until(lambda: not node.reports(), WITHIN, "no drift")


def test_a_policy_without_a_namespace_has_reports_without_one(node: Node) -> None:
    host = policy("h", block("/bin/cat"), **{ANNOTATION: f"sha256:{'0' * 64}"})
    host["kind"], host["spec"]["nodeSelector"] = "KubeArmorHostPolicy", {"matchLabels": {"role": "web"}}
    del host["metadata"]["namespace"], host["spec"]["selector"]
    node.cluster.apply(host)

    def told(path: str) -> list[str]:
        items = node.cluster.request("GET", f"/apis/{path}")[1]["items"]
        return [one["metadata"]["name"] for one in items if NODE in one["metadata"]["name"]]

    kinds = ("hauberk.dev/v1alpha1/clusterdriftreports", "openreports.io/v1alpha1/clusterreports")
    for path in kinds:
        until(lambda path=path: told(path), WITHIN, f"there are {path}")  # type: ignore[misc]
    node.cluster.request("DELETE", "/apis/security.kubearmor.com/v1/kubearmorhostpolicies/h")
    for path in kinds:
        until(lambda path=path: not told(path), WITHIN, f"{path} are gone")  # type: ignore[misc]


def test_what_somebody_changes_in_the_kernel_is_told_and_put_right(node: Node) -> None:
    slot, (_, image) = next(iter(node.kernel.held.items()))
    node.kernel.held[slot] = (999, type(image)())
    until(lambda: "p Tampered" in node.reports(), WITHIN, "it is told")
    assert node.kernel.held[slot][1] == image
    until(lambda: not node.reports(), WITHIN, "it is over")
    assert any(event["reason"] == "Tampered" for event in node.events(NODE))


def test_the_posture_is_that_of_the_namespace(node: Node) -> None:
    before = dict(node.kernel.held)
    node.cluster.kubectl("annotate", "namespace", SPACE, "kubearmor-file-posture=block")
    until(lambda: node.kernel.held != before, WITHIN, "it was swapped")
    node.cluster.kubectl("annotate", "namespace", SPACE, "kubearmor-file-posture-")


def test_a_storm_of_changes_is_taken_together(node: Node) -> None:
    before, begun = node.kernel.calls.count("set 1"), time.monotonic()
    for number in range(1000):
        node.cluster.request(
            "PATCH",
            "/apis/security.kubearmor.com/v1/namespaces/daemon/kubearmorpolicies/p",
            {"spec": block(f"/bin/{number}")},
            "application/merge-patch+json",
        )
    last = node.cluster.request("GET", "/apis/security.kubearmor.com/v1/namespaces/daemon/kubearmorpolicies/p")[1]

    def is_last() -> bool:
        return any(
            rule.entry.pointer and rule.policy.name == "p" and "/bin/999" in str(rule.entry)
            for _, image in node.kernel.held.values()
            for rule in image.rules
        )

    assert last["metadata"]["generation"] >= 1000
    until(is_last, WITHIN, "the last version is enforced")
    # what comes while it waits for more to come is one swap
    assert node.kernel.calls.count("set 1") - before <= (time.monotonic() - begun) / SETTLES


def test_while_the_server_is_away_enforcement_goes_on_and_changes_are_picked_up_after(node: Node) -> None:
    server = node.cluster.servers["apiserver"]
    held = dict(node.kernel.held)
    server.stop(kill=True)
    until(lambda: node.daemon.status.problems or node.reporter.staleness() > 3, WITHIN, "it is noticed")
    assert node.kernel.held == held
    server.start()
    wait_ready(node.cluster)
    node.cluster.apply(policy("p", block("/bin/after")))
    until(lambda: node.kernel.held != held, 60, "the change came")
    node.until_states(p="Enforced")


def test_another_daemon_changes_nothing_and_takes_over_its_reports(node: Node) -> None:
    node.stop()
    node.kernel.calls.clear()
    node.start()
    until(node.daemon.is_ready, WITHIN, "it is ready")
    assert node.kernel.calls == []
    node.cluster.request("DELETE", "/apis/security.kubearmor.com/v1/namespaces/daemon/kubearmorpolicies/p")
    until(lambda: not node.kernel.held, WITHIN, "the policy is gone")
    node.until_states()


def test_ten_thousand_events_are_a_few(node: Node) -> None:
    for number in range(10_000):
        about = Regarding("security.kubearmor.com/v1", "KubeArmorPolicy", "flood", SPACE)
        node.reporter.say(Said(about, "Warning", "Denied", "Enforce", f"denied {number}"))
    until(lambda: [one for one in node.events("flood") if one.get("series")], WITHIN, "there is a series")
    assert len(node.events("flood")) == 1


def test_a_node_writes_what_is_about_itself_only_and_reads_no_secrets(node: Node) -> None:
    api = Api(node.account())
    with pytest.raises(ApiError, match="403 Forbidden"):
        api.get("/api/v1/secrets")
    other = {**node_object("other"), "metadata": {"name": "other"}}
    query = {"fieldManager": "test", "force": "true"}
    with pytest.raises(ApiError, match="a node writes what is about itself only"):
        api.send("PATCH", f"{REPORTS}/nodepolicystatuses/other", other, query, kind="apply-patch+yaml")
    api.send("PATCH", f"{REPORTS}/nodepolicystatuses/{NODE}", node_object(NODE), query, kind="apply-patch+yaml")


def test_each_right_of_the_roles_is_used(node: Node) -> None:
    """By all that the tests above had the daemon do."""
    assert node.used == granted()


def test_refusals_are_told_in_one_line(node: Node, tmp_path: Path) -> None:
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(node.cluster.kubeconfig.read_text().replace(node.cluster.token, "not-a-token"))
    with pytest.raises(ApiError, match="the API server says 401"):
        Api(wrong).get("/api/v1/pods")
