"""What a node says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from enforcer.made import RECORD
from enforcer.node.made import ARGUMENTS, LS, container, planner, policy
from hauberk.enforcer.cluster.behaviour import Behaviour
from hauberk.enforcer.cluster.reports import (
    Access,
    Digests,
    Versions,
    drift_objects,
    drifts,
    node_object,
    node_status,
    report_name,
)
from hauberk.enforcer.kernel.wire import Operation, Reason
from hauberk.enforcer.node.applied import Tampering
from hauberk.enforcer.node.daemon import Status
from hauberk.enforcer.node.wanted import Cause, Failure, Inputs, PolicyKey, PolicyObject, PolicyStanding, Standing
from hauberk.policy.digest import ANNOTATION
from hauberk.policy.reportcrds import report_crds

VERSIONS = Versions("hauberk-enforcer 0", "6.12", "28 programs")
ALLOW = "process: {matchPaths: [{path: /bin/nginx}]}\naction: Allow"
P = policy(LS)
ENFORCED = PolicyStanding(P.key, Standing.ENFORCED, digest=P.digest, workloads=("c1",), rules=1, generation=3)
UNSUPPORTED = Failure(Cause.UNSUPPORTED, "/spec/process: allowedArgs is not enforced (HB607)")
IDLE = replace(ENFORCED, workloads=())
REFUSED = replace(ENFORCED, standing=Standing.REFUSED, failure=UNSUPPORTED)


def status_of(*standings: PolicyStanding, old: Any = None, now: str = "2026-01-01T00:00:00Z", **more: Any) -> Any:
    held = {P.key: P}
    return node_status(Status(standings, **more), held, VERSIONS, Digests(), old=old, now=now)


def conditions(status: Any) -> dict[str, str]:
    return {one["type"]: one["status"] for one in status["conditions"]}


def test_a_node_that_enforces_everything_is_ready() -> None:
    status = status_of(ENFORCED)
    assert conditions(status) == {"Ready": "True", "Enforcing": "True", "Degraded": "False", "Stalled": "False"}
    assert status["summary"] == {"enforced": 1, "partial": 0, "refused": 0, "pending": 0}
    assert status["policies"][0]["digest"] == Digests().of(P)


def test_what_selects_nothing_here_is_told_only_when_it_is_refused() -> None:
    elsewhere = replace(ENFORCED, workloads=(), key=replace(P.key, name="elsewhere"))
    status = status_of(ENFORCED, elsewhere, replace(REFUSED, workloads=(), key=replace(P.key, name="refused")))
    assert [one["name"] for one in status["policies"]] == ["refused", "p"]
    assert status["summary"] == {"enforced": 1, "partial": 0, "refused": 1, "pending": 0}
    annotated = replace(P, given=replace(P.given, document=with_annotation(P, "sha256:0")))
    assert found(replace(ENFORCED, workloads=()), policies={P.key: annotated}) == {}


def test_a_node_that_only_observes_says_so() -> None:
    observing = replace(VERSIONS, observing=True)
    status = node_status(Status((ENFORCED,)), {P.key: P}, observing, Digests(), now="2026-01-01T00:00:00Z")
    assert conditions(status)["Enforcing"] == "False"


def test_what_is_refused_is_final_and_said_in_a_word_and_a_sentence() -> None:
    status = status_of(ENFORCED, replace(REFUSED, key=replace(P.key, name="q")))
    assert conditions(status) == {"Ready": "False", "Enforcing": "True", "Degraded": "True", "Stalled": "True"}
    # the worst first: what is cut off is what is well
    assert [one["name"] for one in status["policies"]] == ["q", "p"]
    assert status["policies"][0]["reason"] == "Unsupported"
    assert "allowedArgs" in status["policies"][0]["message"]


def test_what_passes_is_pending_and_not_final() -> None:
    failure = Failure(Cause.PENDING, "map hbk_policy: write entries: Cannot allocate memory (ENOMEM)")
    pending = replace(ENFORCED, standing=Standing.PENDING, failure=failure)
    status = status_of(pending)
    assert conditions(status) == {"Ready": "False", "Enforcing": "True", "Degraded": "False", "Stalled": "False"}
    assert status["policies"][0]["reason"] == "Pending"
    assert status["summary"]["pending"] == 1
    assert list(drifts(Status((pending,)), {P.key: P}, {P.key: P}, {}, Digests())) == []


def test_times_of_conditions_that_hold_on_stay() -> None:
    first = status_of(ENFORCED, now="2026-01-01T00:00:00Z")
    second = status_of(REFUSED, old=first, now="2026-01-02T00:00:00Z")
    since = {one["type"]: one["lastTransitionTime"] for one in second["conditions"]}
    assert since["Enforcing"] == "2026-01-01T00:00:00Z"
    assert since["Ready"] == "2026-01-02T00:00:00Z"
    assert status_of(ENFORCED, old=first, now="2026-01-03T00:00:00Z") == first


def found(*standings: PolicyStanding, policies: Any = None, seen: Any = None, **more: Any) -> dict[str, Any]:
    policies = policies or {P.key: P}
    said = drifts(Status(standings, **more), policies, {P.key: P}, seen or {}, Digests())
    return {f"{one.key.name} {one.kind}": one for one in said}


def test_nothing_differs_where_all_is_enforced() -> None:
    assert found(ENFORCED) == {}


def test_what_differs() -> None:
    later = policy(ARGUMENTS)
    assert set(found(REFUSED, policies={P.key: later})) == {"p NotEnforced", "p OutOfDate"}
    annotated = replace(P, given=replace(P.given, document=with_annotation(P, "sha256:0")))
    assert found(ENFORCED, policies={P.key: annotated})["p Edited"].expected == "sha256:0"
    right = replace(P, given=replace(P.given, document=with_annotation(P, Digests().of(P))))
    assert found(ENFORCED, policies={P.key: right}) == {}
    assert set(found(ENFORCED, tampered=(Tampering("c1", "its cgroup is not registered any more"),))) == {"p Tampered"}
    assert found(ENFORCED, tampered=(Tampering("c9", "its cgroup is not registered any more"),)) == {}
    # what all are judged by concerns every policy that selects something
    assert set(found(ENFORCED, tampered=(Tampering("", "program hauberk_open was detached"),))) == {"p Tampered"}
    assert found(IDLE, tampered=(Tampering("", "program hauberk_open was detached"),)) == {}


def with_annotation(one: PolicyObject, value: str) -> dict[str, Any]:
    document = one.given.document
    return {**document, "metadata": {**document["metadata"], "annotations": {ANNOTATION: value}}}


def test_reports_stand_beside_the_policy_and_keep_the_time_of_the_first() -> None:
    tampered = found(ENFORCED, tampered=(Tampering("c1", "x"),)).values()
    first = drift_objects("n1", tampered, {}, "2026-01-01T00:00:00Z")
    [((namespace, name), one)] = first.items()
    assert (namespace, one["kind"], one["spec"]["nodeName"]) == ("web", "DriftReport", "n1")
    again = drift_objects("n1", tampered, first, "2026-01-02T00:00:00Z")
    assert again == first
    host = PolicyKey("KubeArmorHostPolicy", "", "h")
    other = [replace(one, key=host) for one in tampered]
    [((namespace, _), one)] = drift_objects("n1", other, {}, "2026-01-01T00:00:00Z").items()
    assert (namespace, one["kind"]) == ("", "ClusterDriftReport")
    assert name != report_name("n2", P.key)
    assert len(report_name("n" * 253, replace(P.key, name="p" * 253))) <= 253


def test_the_objects_are_what_their_definitions_take() -> None:
    crds = {one["spec"]["names"]["kind"]: one for one in report_crds()}
    counted = Counter({Access("exec", "/bin/x", "/bin/sh", "process: {}"): 3})
    everything = found(
        REFUSED,
        policies={P.key: policy(ARGUMENTS)},
        seen={P.key: counted},
        tampered=(Tampering("c1", "x"),),
    )
    node = {**node_object("n1"), "status": status_of(ENFORCED, replace(REFUSED, key=replace(P.key, name="q")))}
    reports = drift_objects("n1", everything.values(), {}, "2026-01-01T00:00:00Z")
    for one in (node, *reports.values()):
        schema = crds[one["kind"]]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        jsonschema.validate(one, schema, format_checker=jsonschema.FormatChecker())


# -- what a posture lets through


def behaviour(spec: str = ALLOW) -> tuple[Behaviour, PolicyKey]:
    one = policy(spec)
    wanted = planner().plan(Inputs((one,), containers=(container(1),))).wanted["c1"]
    return Behaviour(lambda slot: wanted if slot == 1 else None, lambda: {one.key: one}), one.key


ALERT = {"Resource": "/usr/bin/ls", "Source": "/usr/bin/bash"}
PASSED = replace(RECORD, reason=Reason.POSTURE, result=0, op=Operation.EXEC, slot=1)


def test_what_a_blocking_posture_would_deny_is_counted_with_the_rule_to_add() -> None:
    counted, key = behaviour()
    counted.take(PASSED, ALERT)
    counted.take(replace(PASSED, suppressed=4), ALERT)
    counts = counted.counts([key])[key]
    [(access, count)] = counts.items()
    assert count == 6
    rule = '{"process": {"matchPaths": [{"path": "/usr/bin/ls"}]}}'
    assert access == Access("exec", "/usr/bin/ls", "/usr/bin/bash", rule)
    assert counted.counts([]) == {}
    assert counted.counts([key]) == {}


def test_what_is_denied_or_of_no_allow_list_is_not() -> None:
    counted, key = behaviour()
    for record in (
        replace(PASSED, result=-13),
        replace(PASSED, reason=Reason.WATCH),
        replace(PASSED, slot=2),
        replace(PASSED, op=Operation.READ),
        replace(PASSED, op=Operation.MOUNT),
    ):
        counted.take(record, ALERT)
    assert counted.counts([key]) == {}


@pytest.mark.parametrize(
    ("spec", "op", "resource", "rule"),
    [
        (
            "file: {matchPaths: [{path: /a}]}",
            Operation.READ,
            "/b",
            '{"file": {"matchPaths": [{"path": "/b", "readOnly": true}]}}',
        ),
        (
            "network: {matchProtocols: [{protocol: udp}]}",
            Operation.NETWORK,
            "protocol=TCP type=SOCK_STREAM",
            '{"network": {"matchProtocols": [{"protocol": "tcp"}]}}',
        ),
        (
            "network: {matchProtocols: [{protocol: udp}]}",
            Operation.NETWORK,
            "type=SOCK_RAW",
            '{"network": {"matchProtocols": [{"protocol": "raw"}]}}',
        ),
        (
            "capabilities: {matchCapabilities: [{capability: chown}]}",
            Operation.CAPABILITY,
            "CAP_NET_RAW",
            '{"capabilities": {"matchCapabilities": [{"capability": "net_raw"}]}}',
        ),
    ],
)
def test_rules_for_other_domains(spec: str, op: Operation, resource: str, rule: str) -> None:
    counted, key = behaviour(f"{spec}\naction: Allow")
    counted.take(replace(PASSED, op=op), {**ALERT, "Resource": resource})
    assert [access.rule for access in counted.counts([key])[key]] == [rule]
