"""What the kernel did and said about one access is its decision, or no decision at all: never a pass by accident."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import How, Operation, Reason, Record
from hauberk.enforcer.trials.deeds import Deed
from hauberk.enforcer.trials.found import Seen, decision_of
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Decision, Model, Posture, Report, Verdict, Workload
from hauberk.policy.parse import parse_policy

EXEC = Deed("exec", "/bin/ls", source="/bin/sh")
READ = Deed("read", "/a", source="/bin/sh")


def image(**spec: Any) -> Image:
    document = {"kind": "KubeArmorPolicy", "metadata": {"name": "p", "namespace": "n"}, "spec": spec}
    policy = parse_policy(document)
    assert policy is not None
    return encode(compile_policies(Model.HAUBERK, [policy], Workload("n"), Posture()))


BLOCK = image(action="Block", file={"matchPaths": [{"path": "/a"}]}, process={"matchPaths": [{"path": "/bin/ls"}]})


def number_of(rule: str) -> int:
    return next(number for number, origin in enumerate(BLOCK.rules, 1) if origin.name == rule)


FILE, PROCESS = number_of("p:file.matchPaths[0]"), number_of("p:process.matchPaths[0]")


def record(op: Operation, resource: str = "", **fields: Any) -> Record:
    empty: dict[str, Any] = dict.fromkeys(Record.__slots__, 0)
    texts = {"program": "/bin/sh", "parent": "", "comm": "sh", "cut": False}
    told = {"how": How.NONE, "reason": Reason.RULE, "result": -errno.EACCES}
    return Record(**{**empty, **texts, **told, "op": op, "resource": resource, **fields})


def seen(number: int, *records: Record) -> Seen:
    return Seen(number, records)


def test_a_denial_names_its_rule() -> None:
    found = decision_of(READ, seen(errno.EACCES, record(Operation.READ, "/a", rule=FILE)), BLOCK)
    rule = "p:file.matchPaths[0]"
    assert found == Decision(Verdict.DENIED, rule, (Report("p", "Block", rule),))


def test_posture_denies_without_a_rule() -> None:
    found = decision_of(READ, seen(errno.EACCES, record(Operation.READ, "/a", reason=Reason.POSTURE)), BLOCK)
    assert found == Decision(Verdict.DENIED, None, (Report("DefaultPosture", "Block", None),))


def test_a_silent_pass_and_one_that_is_reported() -> None:
    assert decision_of(READ, seen(0), BLOCK) == Decision(Verdict.ALLOWED, None)
    told = record(Operation.READ, "/a", reason=Reason.POSTURE, result=0)
    assert decision_of(READ, seen(0, told, told), BLOCK) == Decision(
        Verdict.ALLOWED, None, (Report("DefaultPosture", "Audit", None),)
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOENT, errno.ETXTBSY])
def test_a_failure_that_no_policy_made_is_no_decision(number: int) -> None:
    found = decision_of(READ, seen(number), BLOCK)
    assert isinstance(found, str)
    assert "fails for another reason than a policy" in found


def test_a_denial_that_did_not_hold_is_told() -> None:
    found = decision_of(READ, seen(0, record(Operation.READ, "/a", rule=FILE)), BLOCK)
    assert isinstance(found, str)
    assert "reports a denial, and the access ended with success" in found


def test_what_is_denied_before_the_kernel_was_asked_is_no_decision() -> None:
    found = decision_of(EXEC, seen(errno.EACCES, record(Operation.READ, "/bin/ls", rule=FILE)), BLOCK)
    assert found == "read /bin/ls (p:file.matchPaths[0]) is denied first, and so the kernel was not asked"
    deed = Deed("capability", "net_raw")
    found = decision_of(deed, seen(errno.EPERM, record(Operation.CAPABILITY, number=12, rule=FILE)), BLOCK)
    assert isinstance(found, str)
    assert found.startswith("capability net_admin ")


def test_what_is_denied_afterwards_was_let_through() -> None:
    loader = record(Operation.READ, "/lib/ld.so", rule=FILE)
    assert decision_of(EXEC, seen(errno.EACCES, loader), BLOCK) == Decision(Verdict.ALLOWED, None)
    deed = Deed("modify", "/b", how="rename", second="/a")
    other = record(Operation.MODIFY, "/a", how=How.RENAME, rule=FILE)
    assert decision_of(deed, seen(errno.EACCES, other), BLOCK) == Decision(Verdict.ALLOWED, None)


def test_a_program_that_is_denied_its_own_memory_did_not_run() -> None:
    found = decision_of(EXEC, seen(-1, record(Operation.EXEC, "/bin/ls", how=How.MAP, rule=PROCESS)), BLOCK)
    assert isinstance(found, Decision)
    assert (found.verdict, found.rule) == (Verdict.DENIED, "p:process.matchPaths[0]")
    found = decision_of(EXEC, seen(-1), BLOCK)
    assert isinstance(found, str)
    assert "did not end well" in found


def test_a_path_that_cannot_be_told() -> None:
    found = decision_of(READ, seen(errno.EACCES, record(Operation.READ, "/a", reason=Reason.CANNOT_TELL)), BLOCK)
    assert isinstance(found, str)
    assert "cannot tell the path" in found


def test_sockets_that_the_kernel_does_not_know_were_asked_about() -> None:
    deed = Deed("network", "", family=2, type=1, protocol=132)
    assert decision_of(deed, seen(errno.EPROTONOSUPPORT), BLOCK) == Decision(Verdict.ALLOWED, None)
    told = record(Operation.NETWORK, number=1 << 16 | 132, reason=Reason.POSTURE, result=0)
    found = decision_of(deed, seen(errno.EPROTONOSUPPORT, told), BLOCK)
    assert isinstance(found, Decision)
    assert [report.policy for report in found.reports] == ["DefaultPosture"]


def test_a_socket_without_a_protocol_has_that_of_its_type() -> None:
    told = record(Operation.NETWORK, number=2 << 16 | 17, reason=Reason.POSTURE)
    found = decision_of(Deed("network", "", family=2, type=2), seen(errno.EACCES, told), BLOCK)
    assert isinstance(found, Decision)
    assert found.verdict is Verdict.DENIED


@pytest.mark.parametrize(
    ("how", "hook"),
    [
        ("create", How.MKNOD),
        ("delete", How.UNLINK),
        ("delete", How.RMDIR),
        ("rename", How.RENAME),
        ("link", How.LINK),
        ("truncate", How.TRUNCATE),
        ("chmod", How.CHMOD),
        ("chown", How.CHOWN),
        ("", How.CHOWN),
    ],
)
def test_a_change_is_denied_by_the_hook_that_the_kernel_asks(how: str, hook: How) -> None:
    deed = Deed("modify", "/a", how=how)
    found = decision_of(deed, seen(errno.EACCES, record(Operation.MODIFY, "/a", how=hook, rule=FILE)), BLOCK)
    assert isinstance(found, Decision)
    assert (found.verdict, found.rule) == (Verdict.DENIED, "p:file.matchPaths[0]")


def test_a_denial_by_a_hook_that_is_not_known_is_no_pass() -> None:
    deed = Deed("modify", "/a", how="create")
    found = decision_of(deed, seen(errno.EACCES, record(Operation.MODIFY, "/a", how=How.CHOWN, rule=FILE)), BLOCK)
    assert found == "the kernel denies it as chown: report this"
