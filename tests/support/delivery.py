"""A repository of policies whose rendered folder is delivered to a cluster."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support import hauberk
from support.cluster import Cluster

SHOP = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "annotations": {"kubearmor-file-posture": "block"}},
}
"""A namespace is rendered if it has a posture."""


def policy(name: str, path: str) -> dict[str, Any]:
    """A Block of one file for the pods of a shop."""
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "severity": 5,
            "selector": {"matchLabels": {"app": "shop"}},
            "file": {"matchPaths": [{"path": path}]},
            "action": "Block",
        },
    }


def allowing_everything(name: str) -> dict[str, Any]:
    """What another field manager might add to that policy."""
    rules = [{"dir": "/", "recursive": True, "action": "Allow"}]
    return {**policy(name, "/"), "spec": {"file": {"matchDirectories": rules}}}


REPORTS: dict[str, dict[str, Any]] = {
    "NodePolicyStatus": {
        "apiVersion": "hauberk.dev/v1alpha1",
        "kind": "NodePolicyStatus",
        "metadata": {"name": "node-a"},
        "spec": {"nodeName": "node-a"},
    },
    "DriftReport": {
        "apiVersion": "hauberk.dev/v1alpha1",
        "kind": "DriftReport",
        "metadata": {"name": "first-node-a", "namespace": "shop"},
        "spec": {"nodeName": "node-a", "policy": {"kind": "KubeArmorPolicy", "name": "first"}},
    },
}
_PLURALS = {"NodePolicyStatus": "nodepolicystatuses", "DriftReport": "driftreports"}


def _path_of(kind: str) -> str:
    metadata = REPORTS[kind]["metadata"]
    space = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"/apis/hauberk.dev/v1alpha1/{space}{_PLURALS[kind]}/{metadata['name']}"


@dataclass(slots=True)
class Repository:
    """A clone of a repository that is served, with a folder `rendered`."""

    cluster: Cluster
    work: Path
    layout: str
    options: tuple[str, ...] = ()
    """More of `hauberk render`."""

    @classmethod
    def made(cls, cluster: Cluster, folder: Path, layout: str) -> Repository:
        """`folder`/served/policies.git is what is cloned."""
        bare = folder / "served/policies.git"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
        subprocess.run(["git", "clone", "--quiet", bare, folder / "work"], check=True, capture_output=True)
        found = cls(cluster, folder / "work", layout)
        found.git("checkout", "--quiet", "-B", "main")
        return found

    @property
    def rendered(self) -> Path:
        return self.work / "rendered"

    def commit(self, *documents: Any) -> str:
        """Renders, commits and pushes; the revision."""
        source = self.work / "source"
        source.mkdir(exist_ok=True)
        (source / "policies.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
        rendering: list[str | Path] = ["--out", self.rendered, "--layout", self.layout, "--with-crds", *self.options]
        done = hauberk("render", source, *rendering)
        assert done.returncode == 0, done.stderr
        return self.push()

    def push(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "policies")
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.work, check=True, capture_output=True, text=True).stdout

    def add_report(self, kind: str) -> None:
        """Puts a report of the node daemon beside what was rendered, for its health."""
        (self.rendered / "report.yaml").write_text(yaml.safe_dump(REPORTS[kind]))
        kustomization = self.rendered / "kustomization.yaml"
        kustomization.write_text(kustomization.read_text().replace("resources:\n", "resources:\n  - report.yaml\n"))
        self.push()

    def remove_report(self) -> None:
        (self.rendered / "report.yaml").unlink()
        kustomization = self.rendered / "kustomization.yaml"
        kustomization.write_text(kustomization.read_text().replace("  - report.yaml\n", ""))
        self.push()

    # -- what the cluster has

    def spec(self, name: str) -> dict[str, Any] | None:
        path = f"/apis/security.kubearmor.com/v1/namespaces/shop/kubearmorpolicies/{name}"
        status, found = self.cluster.request("GET", path)
        return found["spec"] if status == 200 else None

    def paths(self, name: str) -> list[str] | None:
        """Of the rules of a policy; None where it is not there."""
        found = self.spec(name)
        return None if found is None else [rule["path"] for rule in found["file"]["matchPaths"]]

    def edit(self, name: str, path: str) -> None:
        """By hand, as kubectl does."""
        patch = json.dumps([{"op": "replace", "path": "/spec/file/matchPaths/0/path", "value": path}])
        self.cluster.kubectl("patch", "kubearmorpolicy", name, "-n", "shop", "--type=json", "-p", patch)

    def add_fields(self, manager: str, name: str) -> None:
        added = yaml.safe_dump(allowing_everything(name))
        self.cluster.kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", given=added)

    def say_ready(self, kind: str, ready: str) -> None:
        """As the node daemon would."""
        condition = {
            "type": "Ready",
            "status": ready,
            "reason": "Tests",
            "message": "said by the tests",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
        path = f"{_path_of(kind)}/status"
        body = {"status": {"conditions": [condition]}}
        code, answer = self.cluster.request("PATCH", path, body, "application/merge-patch+json")
        assert code == 200, answer

    def has_report(self, kind: str) -> bool:
        return self.cluster.request("GET", _path_of(kind))[0] == 200

    def drift(self) -> list[dict[str, Any]]:
        """The objects that `hauberk drift` names."""
        where = ["--kubeconfig", str(self.cluster.kubeconfig), "--namespace", "shop"]
        done = hauberk("drift", self.rendered, *where, "--format", "json")
        assert done.returncode in (0, 1), done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["objects"]
        return found
