"""What a node says, as Reports of the OpenReports API; `tests/cluster` gives them to a real server."""

from __future__ import annotations

from dataclasses import replace

from enforcer.node.made import LS, policy
from hauberk.enforcer.cluster.openreports import node_hash, reports_of
from hauberk.enforcer.cluster.reports import Drift
from hauberk.enforcer.node.wanted import Cause, Failure, PolicyStanding, Standing

P = policy(LS)
CLUSTER = policy(LS, "c", "KubeArmorClusterPolicy")
WELL = PolicyStanding(P.key, Standing.ENFORCED, workloads=("c1", "c2"))


def test_a_report_for_each_namespace_and_one_for_none() -> None:
    found = reports_of("n1", [WELL, replace(WELL, key=CLUSTER.key)], [], {P.key: replace(P, uid="u")})
    assert [(where, one["kind"]) for where, one in found.items()] == [
        (("web", "hauberk-enforcer.n1"), "Report"),
        (("", "hauberk-enforcer.n1"), "ClusterReport"),
    ]
    report = found["web", "hauberk-enforcer.n1"]
    assert report["summary"] == {"pass": 1, "fail": 0, "warn": 0, "error": 0, "skip": 0}
    (result,) = report["results"]
    assert (result["policy"], result["result"], result["message"]) == ("p", "pass", "enforced on 2 workloads")
    assert result["resources"] == [
        {
            "apiVersion": "security.kubearmor.com/v1",
            "kind": "KubeArmorPolicy",
            "name": "p",
            "namespace": "web",
            "uid": "u",
        }
    ]
    assert "namespace" not in found["", "hauberk-enforcer.n1"]["metadata"]


def test_each_drift_is_a_result() -> None:
    drifts = [
        Drift("NotEnforced", P.key, "Unsupported", "no"),
        Drift("Behaviour", P.key, "WouldBeDenied", "2 accesses"),
    ]
    (report,) = reports_of("n1", [WELL], drifts, {}).values()
    assert [(one["rule"], one["result"], one["message"]) for one in report["results"]] == [
        ("Behaviour", "warn", "2 accesses"),
        ("NotEnforced", "fail", "no"),
    ]
    assert (report["summary"]["fail"], report["summary"]["warn"], report["summary"]["pass"]) == (1, 1, 0)


def test_what_is_pending_is_skipped() -> None:
    pending = replace(WELL, standing=Standing.PENDING, failure=Failure(Cause.PENDING, "no memory"))
    (report,) = reports_of("n1", [pending], [], {}).values()
    assert [(one["rule"], one["result"]) for one in report["results"]] == [("Pending", "skip")]


def test_names_and_labels_of_long_nodes_fit() -> None:
    node = ".".join(["a" * 60] * 4)
    ((_, name),) = reports_of(node, [WELL], [], {})
    assert len(name) <= 253
    assert not name.endswith(".")
    assert len(node_hash(node)) <= 63
