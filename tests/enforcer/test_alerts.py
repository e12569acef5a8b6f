"""Alerts have the keys of KubeArmor's, and say what the record says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from enforcer.made import RECORD, WORKLOAD, image, number_of
from hauberk.enforcer.alerts import Alert, Context, Pod, alerts_of
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import How, Operation, Reason
from hauberk.policy.model import Workload

KEYS = (
    "Action ClusterName ContainerID ContainerImage ContainerName Data Enforcer HostName HostPID HostPPID Labels "
    "NamespaceName Operation Owner PID PPID ParentProcessName PodName PolicyName ProcessName Resource Result Source "
    "Timestamp Type UpdatedTime"
).split()
CONTEXT = Context(lambda: 1_700_000_000_000_000_000, "node-1", "prod")
POD = Pod(WORKLOAD, "abc")


def alerts(made: Image | None = None, pod: Pod = POD, context: Context = CONTEXT, **other: Any) -> list[Alert]:
    return list(alerts_of(replace(RECORD, **other), made, pod, context))


def one(made: Image | None = None, **other: Any) -> Alert:
    (found,) = alerts(made, **other)
    return found


def test_a_program_that_no_rule_lists() -> None:
    found = one(image("action: Allow\nprocess: {matchPaths: [{path: /usr/sbin/nginx}]}"))
    assert list(found) == KEYS
    assert found == {
        "Action": "Block",
        "ClusterName": "prod",
        "ContainerID": "abc",
        "ContainerImage": "",
        "ContainerName": "nginx",
        "Data": "lsm=SECURITY_BPRM_CHECK",
        "Enforcer": "BPFLSM",
        "HostName": "node-1",
        "HostPID": 11,
        "HostPPID": 10,
        "Labels": "app=nginx",
        "NamespaceName": "web",
        "Operation": "Process",
        "Owner": {"Name": "", "Namespace": "web", "Ref": ""},
        "PID": 3,
        "PPID": 2,
        "ParentProcessName": "/usr/sbin/nginx",
        "PodName": "",
        "PolicyName": "DefaultPosture",
        "ProcessName": "/usr/bin/ls",
        "Resource": "/usr/bin/ls",
        "Result": "Permission denied",
        "Source": "/usr/bin/bash",
        "Timestamp": 1_700_000_005,
        "Type": "MatchedPolicy",
        "UpdatedTime": "2023-11-14T22:13:25.000001Z",
    }


def test_a_clock_that_is_set_while_the_enforcer_runs() -> None:
    clock = [1_700_000_000_000_000_000]
    context = Context(lambda: clock[0])
    (before,) = alerts(context=context)
    clock[0] += 86_400_000_000_000
    (after,) = alerts(context=context)
    assert after["Timestamp"] - before["Timestamp"] == 86_400


def test_posture_that_audits() -> None:
    found = one(image("action: Allow\nprocess: {matchPaths: [{path: /a}]}"), result=0)
    assert (found["Action"], found["Result"], found["PolicyName"]) == ("Audit", "Passed", "DefaultPosture")


NOTED = """
severity: 4
tags: [A, B]
message: no shells
action: Block
file: {matchPaths: [{path: /etc/shadow}]}
"""


def test_a_rule_that_blocks_and_what_its_policy_says_of_it() -> None:
    made = image(NOTED)
    found = one(made, op=Operation.READ, reason=Reason.RULE, rule=1, resource="/etc/shadow")
    assert (found["Action"], found["PolicyName"], found["Operation"]) == ("Block", "p0", "File")
    assert (found["ProcessName"], found["Source"]) == ("/usr/bin/bash", "/usr/bin/bash")
    assert found["Data"] == "lsm=FILE_OPEN"
    assert list(found) == [*KEYS, "Severity", "Tags", "ATags", "Message"]
    assert (found["Severity"], found["Tags"], found["ATags"]) == ("4", "A,B", ["A", "B"])
    assert found["Message"] == "no shells"


def test_an_allow_rule_whose_requirement_failed_is_told_as_posture() -> None:
    made = image("action: Allow\nfile: {matchPaths: [{path: /a, readOnly: true}]}")
    found = one(made, op=Operation.WRITE, reason=Reason.RULE, rule=1, resource="/a")
    assert (found["Action"], found["PolicyName"], found["Result"]) == ("Block", "DefaultPosture", "Permission denied")


def test_a_preset() -> None:
    made = image("action: Block\npresets: [{name: filelessExec}]")
    found = one(made, reason=Reason.RULE, rule=1, resource="memfd:x")
    assert (found["PolicyName"], found["ProcessName"]) == ("p0", "memfd:x")


@pytest.mark.parametrize(("result", "said"), [(0, "Passed"), (-13, "Permission denied")])
def test_one_alert_for_each_rule_of_a_set_of_audit_rules(result: int, said: str) -> None:
    audit = "action: Audit\nfile: {matchPaths: [{path: /a}]}"
    made = image(audit, audit)
    found = alerts(made, op=Operation.READ, reason=Reason.WATCH, rule=1, result=result)
    assert [(alert["PolicyName"], alert["Action"], alert["Result"]) for alert in found] == [
        ("p0", "Audit", said),
        ("p1", "Audit", said),
    ]


def test_a_name_that_is_kept() -> None:
    made = image("action: Block\nprocess: {matchPaths: [{path: /a/ls}]}")
    found = one(made, op=Operation.MODIFY, how=How.RENAME, reason=Reason.GUARD, rule=1, resource="/a")
    assert (found["PolicyName"], found["Data"], found["Operation"]) == ("p0", "lsm=FILE_RENAME", "File")
    found = one(made, op=Operation.MOUNT, reason=Reason.GUARD, resource="")
    assert (found["PolicyName"], found["Data"]) == ("DefaultPosture", "lsm=SB_MOUNT")
    assert "mounts" in found["Message"]


def test_a_path_that_cannot_be_told() -> None:
    found = one(image(NOTED), op=Operation.READ, reason=Reason.CANNOT_TELL)
    assert (found["PolicyName"], found["Action"]) == ("DefaultPosture", "Block")
    assert found["Message"] == "the path could not be told, so the access is denied"


@pytest.mark.parametrize(
    ("number", "resource"),
    [
        (1 << 16 | 6, "protocol=TCP type=SOCK_STREAM"),
        (2 << 16 | 17, "protocol=UDP type=SOCK_DGRAM"),
        (3 << 16 | 1, "protocol=ICMP type=SOCK_RAW"),
        (3 << 16, "type=SOCK_RAW"),
        (9 << 16 | 200, "protocol=200 type=9"),
    ],
)
def test_sockets(number: int, resource: str) -> None:
    found = one(op=Operation.NETWORK, number=number, resource="")
    assert (found["Operation"], found["Resource"]) == ("Network", resource)


@pytest.mark.parametrize(("number", "resource"), [(21, "CAP_SYS_ADMIN"), (13, "CAP_NET_RAW"), (63, "CAP_63")])
def test_capabilities(number: int, resource: str) -> None:
    found = one(op=Operation.CAPABILITY, number=number, resource="")
    assert (found["Operation"], found["Resource"], found["Data"]) == ("Capabilities", resource, "lsm=CAPABLE")


def test_constants_and_what_was_suppressed() -> None:
    context = replace(CONTEXT, constants={"cluster_id": "1", "tenant_id": "2", "workload": "1"})
    (found,) = alerts(context=context, suppressed=9)
    assert list(found) == [*KEYS, "cluster_id", "tenant_id", "workload", "Suppressed"]
    assert (found["tenant_id"], found["Suppressed"]) == ("2", 9)


def test_the_node_itself() -> None:
    (found,) = alerts(pod=Pod(Workload(None, node_labels=(("a", "b"),))))
    assert (found["Type"], found["NamespaceName"], found["Labels"]) == ("MatchedHostPolicy", "", "a=b")


def test_a_policy_is_never_guessed() -> None:
    made = image(NOTED)
    for other in ({"made": None, "rule": 1}, {"made": made, "rule": 2}):
        found = one(reason=Reason.RULE, **other)
        assert found["PolicyName"] == ""
        assert "nothing on this node says which policy" in found["Message"]
    found = one(made, reason=Reason.WATCH, rule=5, result=0)
    assert found["PolicyName"] == ""


def test_names_of_any_bytes_are_json() -> None:
    found = one(resource="/a\udcff\n", cut=True)
    assert found["Resource"] == "/a\\xff\n"
    assert found["Data"].endswith(" cut=true")
    json.dumps(found).encode()


def test_rules_are_told_by_their_number() -> None:
    made = image("action: Block\nfile: {matchPaths: [{path: /a}, {path: /b, message: second}]}")
    number = number_of(made, "p0:file.matchPaths[1]")
    assert one(made, op=Operation.READ, reason=Reason.RULE, rule=number)["Message"] == "second"
