"""What nodes say, rolled up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hauberk.cli.fleet import rolled_up
from hauberk.cli.output import status as shown
from hauberk.policy.digest import ANNOTATION

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIGESTS = [f"sha256:{digit * 64}" for digit in "01"]


def node(name: str, *policies: dict[str, Any], ready: bool = True) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "message": "q: no"}
    return {"metadata": {"name": name}, "status": {"conditions": [condition], "policies": list(policies)}}


def policy(name: str, state: str = "Enforced", digest: str = DIGESTS[0], **more: Any) -> dict[str, Any]:
    kind = {"kind": "KubeArmorPolicy", "namespace": "web"}
    return {**kind, "name": name, "state": state, "digest": digest, "workloads": 2, **more}


DRIFT = {
    "metadata": {"namespace": "web"},
    "spec": {"nodeName": "n1", "policy": {"kind": "KubeArmorPolicy", "name": "q"}},
    "status": {"drifts": [{"type": "Tampered", "message": "x", "firstSeen": "2026-01-01T00:00:00Z"}]},
}


def test_the_lowest_state_of_all_nodes_counts() -> None:
    refused = policy("q", "Refused", message="allowedArgs is not enforced")
    fleet = rolled_up("here", [node("n1", policy("p"), policy("q")), node("n2", policy("p"), refused, ready=False)], [])
    assert [(one.name, one.state, one.nodes) for one in fleet.policies] == [
        ("q", "Refused", {"Enforced": 1, "Refused": 1}),
        ("p", "Enforced", {"Enforced": 2}),
    ]
    assert (fleet.nodes, fleet.ready, fleet.well) == (2, 1, False)
    assert shown.as_text(fleet, colour=False).splitlines() == [
        "Refused  KubeArmorPolicy web/q: nodes: 1 enforced, 1 refused; 4 workloads",
        "    n2: allowedArgs is not enforced",
        "Enforced KubeArmorPolicy web/p: nodes: 2 enforced; 4 workloads",
        "not ready n2: q: no",
        "1 of 2 nodes ready, 2 policies, 0 drifts (here)",
    ]


def test_two_versions_and_drifts_are_not_well() -> None:
    assert rolled_up("here", [node("n1", policy("p")), node("n2", policy("p"))], []).well
    two = rolled_up("here", [node("n1", policy("p")), node("n2", policy("p", digest=DIGESTS[1]))], [])
    assert not two.well
    assert "    2 versions of it are enforced" in shown.as_text(two, colour=False)
    drifting = rolled_up("here", [node("n1", policy("p"))], [DRIFT])
    assert not drifting.well
    line = "Tampered KubeArmorPolicy web/q on n1 since 2026-01-01T00:00:00Z: x"
    assert line in shown.as_text(drifting, colour=False)
    document = json.loads(shown.as_json(two))
    assert document["policies"][0]["digests"] == DIGESTS


def beat(name: str, ago: float) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "metadata": {"name": f"hauberk-enforcer-{name}"},
        "spec": {"leaseDurationSeconds": 40, "renewTime": renewed},
    }


def test_a_node_whose_daemon_is_silent_is_not_ready_whatever_it_said() -> None:
    nodes = [node(name, policy("p")) for name in ("fresh", "gone", "never", "ahead")]
    strange = {"metadata": {"name": "hauberk-enforcer-never"}, "spec": {"renewTime": "0001-01-01T00:00:00+14:00"}}
    beats = [beat("fresh", 30), beat("gone", 600), beat("ahead", -600), beat("new", 1), beat("left", 600), strange, {}]
    fleet = rolled_up("here", nodes, [], (), (), beats, NOW)
    assert (fleet.nodes, fleet.ready, fleet.well) == (4, 1, False)
    tail = "what it said before may hold no more, as its daemon or the node is gone"
    assert fleet.troubled == {
        "gone": f"silent since 2026-01-01T11:50:00Z, 10 minutes: {tail}",
        "never": f"has no heartbeat: {tail}",
        "ahead": "has a heartbeat of 2026-01-01T12:10:00Z, which is to come: a clock is wrong",
        "new": "its daemon lives and has said nothing yet",
    }
    # where nobody may look at heartbeats, nothing is said of them
    assert rolled_up("here", nodes, [], (), (), None, NOW).well


def test_a_policy_that_no_node_speaks_of_is_nowhere() -> None:
    there: list[dict[str, Any]] = [
        {"kind": "KubeArmorPolicy", "metadata": {"namespace": "web", "name": name}} for name in ("p", "unused")
    ]
    fleet = rolled_up("here", [node("n1", policy("p"))], [], there, ["kubearmorhostpolicies are not looked at: no"])
    assert (fleet.nowhere, fleet.well) == (["KubeArmorPolicy web/unused"], True)
    assert shown.as_text(fleet, colour=False).splitlines() == [
        "Enforced KubeArmorPolicy web/p: nodes: 1 enforced; 2 workloads",
        "Nowhere  KubeArmorPolicy web/unused: selects nothing that runs, or is new",
        "1 of 1 nodes ready, 2 policies, 0 drifts (here)",
        "note: kubearmorhostpolicies are not looked at: no",
    ]
    # an edit by hand is told by nobody else then: the selector may be what was edited
    edited = {**there[1], "spec": {"selector": {}}}
    edited["metadata"] = {**there[1]["metadata"], "annotations": {ANNOTATION: "sha256:0"}}
    [drift] = (fleet := rolled_up("here", [node("n1", policy("p"))], [], [there[0], edited])).drifts
    assert (drift.kind, drift.policy, fleet.well) == ("Edited", "KubeArmorPolicy web/unused", False)
    # without a node that says anything, nothing is known of any
    assert rolled_up("here", [], [], there).nowhere == []


def test_what_other_writers_put_there_is_no_crash() -> None:
    strange: list[Any] = [
        {},
        {"status": {"policies": [{"state": "New"}, 1]}},
        {"metadata": {"name": "a"}, "status": []},
    ]
    fleet = rolled_up("here", strange, [{}, {"status": {"drifts": [{}]}}])
    assert (fleet.nodes, fleet.ready) == (3, 0)
    shown.as_text(fleet, colour=True)
