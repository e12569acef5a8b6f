"""What `hauberk crds` writes, as a real API server takes it: structural, within the cost limit of CEL, in force."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.conftest import part
from support import ROOT, hauberk
from support.cluster import Cluster, until
from support.delivery import policy

SHOP = "/apis/security.kubearmor.com/v1/namespaces/admission/kubearmorpolicies"
GROUP = "/apis/hauberk.dev/v1alpha1"


@pytest.fixture(scope="module")
def admission(cluster: Cluster, policies: None) -> Iterator[None]:
    """The policies are in force in one namespace: other tests make objects that they refuse."""
    cluster.kubectl("create", "namespace", "admission")
    documents = list(yaml.safe_load_all(hauberk("crds", "--admission").stdout))
    ours = [one for one in documents if one["kind"].startswith("ValidatingAdmissionPolicy")]
    assert len(ours) >= 4
    for one in ours:
        if one["kind"] == "ValidatingAdmissionPolicyBinding":
            only = {"matchLabels": {"kubernetes.io/metadata.name": "admission"}}
            one["spec"].setdefault("matchResources", {})["namespaceSelector"] = only
    cluster.apply(*ours)

    def are_checked() -> bool:
        path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
        items = cluster.request("GET", path)[1]["items"]
        return all("typeChecking" in item.get("status", {}) for item in items)

    until(are_checked, 30, "the expressions are type-checked")
    yield
    for one in ours:
        cluster.kubectl("delete", one["kind"], one["metadata"]["name"])
    cluster.kubectl("delete", "namespace", "admission", "--wait=false")


def of(spec: dict[str, Any]) -> dict[str, Any]:
    found = policy("one", "/etc/shadow")
    found["metadata"]["namespace"] = "admission"
    found["spec"].update(spec)
    return found


def test_types_of_all_expressions_are_right(cluster: Cluster, admission: None) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    for item in cluster.request("GET", path)[1]["items"]:
        warnings = item["status"]["typeChecking"].get("expressionWarnings", [])
        assert warnings == [], item["metadata"]["name"]


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({"file": {"matchPaths": [{"path": "/a", "fromSource": [{}]}]}}, "HB212"),
        ({"file": {"matchDirectories": [{"dir": "/srv/*/"}]}}, "HB209"),
        ({"selector": {"matchExpressions": [{"key": "label", "operator": "In", "values": ["app"]}]}}, "HB506"),
    ],
)
def test_what_lint_refuses_the_api_server_refuses(
    cluster: Cluster, admission: None, tmp_path: Path, spec: dict[str, Any], rule: str
) -> None:
    document = of(spec)

    def is_refused() -> bool:
        status, answer = cluster.request("POST", f"{SHOP}?dryRun=All", document)
        return status == 422 and rule in json.dumps(answer)

    until(is_refused, 10, f"{rule} is refused")
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(document))
    found = json.loads(hauberk("lint", tmp_path, "--select", rule, "--format", "json").stdout)["findings"]
    assert [one["rule"] for one in found] == [rule]


def test_a_policy_without_faults_passes(cluster: Cluster, admission: None) -> None:
    status, answer = cluster.request("POST", f"{SHOP}?dryRun=All", of({}))
    assert status == 201, answer


def test_rules_of_our_kinds(cluster: Cluster, policies: None) -> None:
    cluster.add_crds(hauberk("crds").stdout)
    node = {
        "apiVersion": "hauberk.dev/v1alpha1",
        "kind": "NodePolicyStatus",
        "metadata": {"name": "node-b"},
        "spec": {"nodeName": "node-b"},
    }
    other = copy.deepcopy(node)
    other["spec"] = {"nodeName": "node-c"}
    assert cluster.request("POST", f"{GROUP}/nodepolicystatuses?dryRun=All", other)[0] == 422
    status, answer = cluster.request("POST", f"{GROUP}/nodepolicystatuses", node)
    assert status == 201, answer
    # status is a subresource: what comes by the main endpoint is dropped
    patch = {"status": {"conditions": []}, "spec": {"nodeName": "node-b"}}
    code, answer = cluster.request("PATCH", f"{GROUP}/nodepolicystatuses/node-b", patch, "application/merge-patch+json")
    assert (code, answer.get("status")) == (200, None)
    selected = cluster.request("GET", f"{GROUP}/nodepolicystatuses?fieldSelector=spec.nodeName%3Dnode-b")[1]["items"]
    assert [one["metadata"]["name"] for one in selected] == ["node-b"]
    assert "NAME" in cluster.kubectl("get", "nodepolicystatuses")
    cluster.kubectl("delete", "nodepolicystatus", "node-b")


@pytest.mark.parametrize("layout", ["plain", "flux", "argo"])
def test_kustomize_builds_what_is_rendered_and_the_api_server_takes_it(
    cluster: Cluster, policies: None, tmp_path: Path, layout: str
) -> None:
    """The examples, of which one has errors on purpose; rendered twice they are the same bytes."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        command = ["render", str(ROOT / "examples"), "--out", str(folder), "--layout", layout, "--with-crds"]
        done = hauberk(*command, "--allow-findings", "HB203,HB401,HB413")
        assert done.returncode == 0, done.stderr
    files = [{path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.yaml")} for folder in folders]
    assert files[0] == files[1]
    built = subprocess.run(
        [part("kustomize") / "kustomize", "build", folders[0]], check=True, capture_output=True, text=True
    ).stdout
    for document in yaml.safe_load_all(built):
        namespace = document["metadata"].get("namespace")
        if namespace and cluster.request("GET", f"/api/v1/namespaces/{namespace}")[0] == 404:
            cluster.kubectl("create", "namespace", namespace)
    said = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", given=built)
    assert len(said.splitlines()) == len(list(yaml.safe_load_all(built)))
