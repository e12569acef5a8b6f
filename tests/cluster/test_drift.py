"""`hauberk drift` against a real API server, as the role that it ships with may ask it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ROOT, hauberk
from support.cluster import Cluster, until

NAMESPACE = "web"
POLICY: dict[str, Any] = {
    "apiVersion": "security.kubearmor.com/v1",
    "kind": "KubeArmorPolicy",
    "metadata": {"name": "keys", "namespace": NAMESPACE},
    "spec": {
        "severity": 5,
        "selector": {"matchLabels": {"app": "shop"}},
        "file": {
            "matchDirectories": [{"dir": "/etc/keys/", "recursive": True}],
            "matchPaths": [{"path": "/etc/shadow"}],
        },
        "action": "Block",
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "shop-1", "namespace": NAMESPACE, "labels": {"app": "shop", "pod-template-hash": "1"}},
    "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
}
SPACE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": NAMESPACE, "annotations": {"kubearmor-file-posture": "block"}},
}

Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def reader(cluster: Cluster) -> Path:
    """A kubeconfig of an account that has the shipped role and nothing else."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "drift", "namespace": "default"}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "drift"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "hauberk-drift"},
        "subjects": [{"kind": "ServiceAccount", "name": "drift", "namespace": "default"}],
    }
    cluster.apply(yaml.safe_load((ROOT / "deploy/drift-role.yaml").read_text()), account, binding)
    return cluster.config_for("drift", cluster.token_of("default", "drift"))


@pytest.fixture
def git(cluster: Cluster, policies: None, tmp_path: Path) -> Iterator[Path]:
    """A folder of policies that were rendered and applied, with a pod that they select."""
    (tmp_path / "source").mkdir()
    write(tmp_path / "source/policy.yaml", POLICY, SPACE)
    done = hauberk("render", tmp_path / "source", "--out", tmp_path / "rendered", "--allow-findings", "HB4,HB5,HB7")
    assert done.returncode == 0, done.stderr
    flags = ["--server-side", "--field-manager=kustomize-controller", "--force-conflicts"]
    cluster.kubectl("apply", *flags, "-k", str(tmp_path / "rendered"))
    cluster.apply(POD)
    yield tmp_path / "source"
    cluster.kubectl("delete", "kubearmorpolicies,kubearmorclusterpolicies,kubearmorhostpolicies", "--all", "-A")
    cluster.kubectl("delete", "pod", "--all", "-n", NAMESPACE, "--force", "--grace-period=0")
    cluster.kubectl("annotate", "namespace", NAMESPACE, "kubearmor-file-posture=block", "--overwrite")


def write(path: Path, *documents: Any) -> None:
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))


@pytest.fixture
def ask(reader: Path, git: Path) -> Ask:
    def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
        return hauberk("drift", git, "--kubeconfig", reader, "--namespace", NAMESPACE, *arguments)

    return asked


def found(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    whole: dict[str, Any] = json.loads(done.stdout)
    return whole


def told(whole: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in whole["objects"]]


def changed(whole: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["direction"], one["operation"], one["witness"]["target"]) for one in whole["diff"]["changes"]]


def test_nothing_differs(ask: Ask) -> None:
    done = ask("--format", "json")
    assert (told(found(done)), changed(found(done)), done.returncode) == ([], [], 0)
    assert "every object as in git" in ask().stdout


def test_a_rule_that_was_widened_by_hand(ask: Ask, cluster: Cluster) -> None:
    patch = json.dumps([{"op": "remove", "path": "/spec/file/matchPaths"}])
    cluster.kubectl("patch", "kubearmorpolicy", "keys", "-n", NAMESPACE, "--type=json", "-p", patch)
    done = ask("--format", "json")
    whole = found(done)
    assert done.returncode == 1
    assert told(whole) == [("edited", "keys")]
    (one,) = whole["objects"]
    assert one["fields"] == [{"pointer": "/spec/file/matchPaths", "git": '[{"path": "/etc/shadow"}]', "cluster": None}]
    assert ("widened", "read", "/etc/shadow") in changed(whole)
    assert {direction for direction, _, _ in changed(whole)} == {"widened"}


def test_a_field_that_another_manager_added(ask: Ask, cluster: Cluster) -> None:
    added = {**POLICY, "spec": {"file": {"matchPatterns": [{"pattern": "/srv/**", "action": "Allow"}]}}}
    cluster.kubectl("apply", "--server-side", "--field-manager=somebody", "-f", "-", given=yaml.safe_dump(added))
    whole = found(ask("--format", "json"))
    assert told(whole) == [("edited", "keys")]
    (one,) = whole["objects"]
    assert [manager["name"] for manager in one["managers"]] == ["somebody"]
    assert [field["pointer"] for field in one["fields"]] == ["/spec/file/matchPatterns"]
    assert whole["diff"]["changes"]


def test_a_posture_that_was_changed(ask: Ask, cluster: Cluster) -> None:
    cluster.kubectl("annotate", "namespace", NAMESPACE, "kubearmor-file-posture=audit", "--overwrite")
    whole = found(ask("--format", "json"))
    assert told(whole) == [("posture", NAMESPACE)]
    (one,) = whole["objects"]
    assert one["fields"] == [
        {"pointer": "/metadata/annotations/kubearmor-file-posture", "git": '"block"', "cluster": '"audit"'}
    ]


def test_a_policy_that_was_deleted_and_one_that_is_not_in_git(ask: Ask, cluster: Cluster) -> None:
    cluster.kubectl("delete", "kubearmorpolicy", "keys", "-n", NAMESPACE)
    extra = {**POLICY, "metadata": {"name": "extra", "namespace": NAMESPACE}}
    extra["spec"] = {**POLICY["spec"], "action": "Allow"}
    cluster.apply(extra)
    whole = found(ask("--format", "json"))
    assert told(whole) == [("missing", "keys"), ("extra", "extra")]
    assert {direction for direction, _, _ in changed(whole)} == {"widened", "narrowed"}
    text = ask().stdout
    assert "missing KubeArmorPolicy web/keys (" in text
    assert "extra KubeArmorPolicy web/extra is not in git" in text


def test_a_field_that_the_api_server_dropped(ask: Ask, git: Path) -> None:
    text = (git / "policy.yaml").read_text().replace("recursive: true", "recursive: true\n      recurive: true")
    (git / "policy.yaml").write_text(text)
    whole = found(ask("--format", "json"))
    assert told(whole) == [("pruned", "keys")]
    assert [field["pointer"] for field in whole["objects"][0]["fields"]] == ["/spec/file/matchDirectories/0/recurive"]


def test_git_that_went_on(ask: Ask, git: Path) -> None:
    (git / "policy.yaml").write_text((git / "policy.yaml").read_text().replace("/etc/shadow", "/etc/gshadow"))
    whole = found(ask("--format", "json"))
    assert told(whole) == [("other", "keys")]
    assert {direction for direction, _, _ in changed(whole)} == {"widened", "narrowed"}


def test_reports(ask: Ask, cluster: Cluster) -> None:
    cluster.kubectl("delete", "kubearmorpolicy", "keys", "-n", NAMESPACE)
    assert ask("--fail-on", "none").returncode == 0
    assert ask("--fail-on", "widened").returncode == 1
    markdown = ask("--format", "markdown").stdout
    assert markdown.startswith("### Hauberk drift: 1 missing")
    assert "| **widened** |" in markdown


# ------------------------------------------------------------------------------------- what goes wrong


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("hauberk: ")
    return line


def test_a_right_that_is_missing(git: Path, cluster: Cluster) -> None:
    cluster.kubectl("create", "serviceaccount", "stranger", "-n", NAMESPACE)
    stranger = cluster.config_for("stranger", cluster.token_of(NAMESPACE, "stranger"))
    line = complaint(hauberk("drift", git, "--kubeconfig", stranger))
    assert "is forbidden" in line
    assert "deploy/drift-role.yaml" in line
    cluster.kubectl("delete", "serviceaccount", "stranger", "-n", NAMESPACE)


def test_a_token_that_is_no_good(git: Path, cluster: Cluster) -> None:
    assert "(401)" in complaint(hauberk("drift", git, "--kubeconfig", cluster.config_for("nobody", "wrong")))


def test_a_cluster_that_is_not_there(git: Path, cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "kubeconfig"
    other.write_text(cluster.kubeconfig.read_text().replace(":16443", ":1"))
    assert "refused" in complaint(hauberk("drift", git, "--kubeconfig", other)).lower()
    assert "no cluster to ask" in complaint(hauberk("drift", git, "--kubeconfig", tmp_path / "none"))
    assert "no cluster to ask" in complaint(hauberk("drift", git, "--kubeconfig", other, "--context", "none"))


def test_a_namespace_that_is_not_there(git: Path, reader: Path) -> None:
    line = complaint(hauberk("drift", git, "--kubeconfig", reader, "--namespace", "none-such"))
    assert "none-such" in line


def test_each_right_of_the_role_is_needed(git: Path, cluster: Cluster, reader: Path) -> None:
    role = yaml.safe_load((ROOT / "deploy/drift-role.yaml").read_text())
    whole = [
        {"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": [verb]}
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    try:
        for left_out in whole:
            cluster.apply({**role, "rules": [rule for rule in whole if rule != left_out]})
            (verb,), (resource,) = left_out["verbs"], left_out["resources"]
            only = ["--namespace", NAMESPACE] if verb == "get" else []

            # nodes have nothing to say where no enforcer is: without these rights the rest is still compared
            is_told = left_out["apiGroups"] == ["hauberk.dev"]
            said = f'cannot {verb} resource "{resource}"'

            answers: list[str] = []

            def is_refused(
                only: list[str] = only, said: str = said, is_told: bool = is_told, answers: list[str] = answers
            ) -> bool:
                done = hauberk("drift", git, "--kubeconfig", reader, *only)
                answers.append(done.stdout + done.stderr)
                return said in done.stdout if is_told else done.returncode == 2 and said in done.stderr

            # the API server takes a moment to know of a role that changed, and says nowhere when it does
            until(is_refused, 60, f"refused without {verb} {resource}", lambda answers=answers: answers[-1])  # type: ignore[misc]
    finally:
        cluster.apply(role)


def test_the_role_in_one_namespace_is_enough_for_it(git: Path, cluster: Cluster, reader: Path) -> None:
    """`reader` has made the role."""
    cluster.kubectl("create", "serviceaccount", "guest", "-n", NAMESPACE)
    account = ["--clusterrole", "hauberk-drift", "--serviceaccount", f"{NAMESPACE}:guest", "-n", NAMESPACE]
    cluster.kubectl("create", "rolebinding", "guest", *account)
    try:
        guest = cluster.config_for("guest", cluster.token_of(NAMESPACE, "guest"))
        asked = ("drift", git, "--kubeconfig", guest, "--format", "json")
        whole = found(hauberk(*asked, "--namespace", NAMESPACE))
        assert told(whole) == []
        assert any("kubearmorclusterpolicies are not looked at" in note for note in whole["notes"])
        assert "is forbidden" in complaint(hauberk(*asked))
        assert "is forbidden" in complaint(hauberk(*asked, "--namespace", "default"))
    finally:
        cluster.kubectl("delete", "rolebinding,serviceaccount", "guest", "-n", NAMESPACE)


def test_the_whole_cluster_as_the_role_may_see_it(git: Path, reader: Path) -> None:
    done = hauberk("drift", git, "--kubeconfig", reader, "--format", "json")
    whole = found(done)
    assert [one for one in told(whole) if one[1] == "keys"] == []
    assert whole["pods"] >= 1


def test_a_certificate_of_somebody_else(git: Path, cluster: Cluster, tmp_path: Path) -> None:
    names = ["-subj", "/CN=somebody else", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "authority")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names], check=True, capture_output=True
    )
    other = tmp_path / "kubeconfig"
    other.write_text(cluster.kubeconfig.read_text().replace(str(cluster.authority), str(tmp_path / "authority")))
    line = complaint(hauberk("drift", git, "--kubeconfig", other))
    assert line.startswith("hauberk: context tests: SSLError [SSL: CERTIFICATE_VERIFY_FAILED]")


def test_a_cluster_without_the_kinds(git: Path, cluster: Cluster) -> None:
    """The last of this file: the policies go with their kind."""
    cluster.kubectl("delete", "crd", "kubearmorpolicies.security.kubearmor.com", "--timeout=30s")
    try:
        line = complaint(hauberk("drift", git, "--kubeconfig", cluster.kubeconfig))
        assert "no kubearmorpolicies.security.kubearmor.com" in line
    finally:
        cluster.add_crds(hauberk("crds", "--policies").stdout)
