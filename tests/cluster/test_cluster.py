"""The test cluster is what the other tests take it for."""

from __future__ import annotations

from support.cluster import Cluster, until


def test_it_is_the_release_that_is_pinned(cluster: Cluster) -> None:
    status, answer = cluster.request("GET", "/version")
    assert (status, answer["gitVersion"]) == (200, "v1.37.2")


def test_access_is_controlled(cluster: Cluster) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", "default")
    nobody = cluster.config_for("nobody", cluster.token_of("default", "nobody"))
    said = cluster.kubectl("--kubeconfig", str(nobody), "get", "secrets", check=False)
    assert "forbidden" in said


def test_namespaces_go_away(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "short-lived")
    cluster.kubectl("delete", "namespace", "short-lived", "--wait=false")

    def is_gone() -> bool:
        return cluster.request("GET", "/api/v1/namespaces/short-lived")[0] == 404

    until(is_gone, 30, "the namespace is gone")
