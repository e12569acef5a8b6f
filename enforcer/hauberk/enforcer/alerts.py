"""Records of the kernel -> alerts in KubeArmor's JSON shape (pure).

The kernel says which rule decided, so a policy is named, never guessed; where nobody can say what a number of a rule
stands for, `PolicyName` is empty and `Message` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import How, Operation, Reason, Record
from hauberk.policy.lists import POSTURE_POLICY, Origin
from hauberk.policy.model import Action, Rule, Workload
from hauberk.policy.tables import CAPABILITY_NAMES

Alert = dict[str, Any]

_OPERATIONS = {
    Operation.EXEC: "Process",
    Operation.READ: "File",
    Operation.WRITE: "File",
    Operation.MODIFY: "File",
    Operation.NETWORK: "Network",
    Operation.CAPABILITY: "Capabilities",
    Operation.MOUNT: "File",
    Operation.PTRACE: "Process",
    Operation.BPF: "Process",
}
_HOOKS = {
    Operation.EXEC: "SECURITY_BPRM_CHECK",
    Operation.READ: "FILE_OPEN",
    Operation.WRITE: "FILE_OPEN",
    Operation.CAPABILITY: "CAPABLE",
    Operation.MOUNT: "SB_MOUNT",
    Operation.PTRACE: "PTRACE_ACCESS_CHECK",
    Operation.BPF: "BPF",
}
_HOOKS_BY_HOW = {
    How.MKNOD: "FILE_MKNOD",
    How.MKDIR: "FILE_MKDIR",
    How.SYMLINK: "FILE_SYMLINK",
    How.UNLINK: "FILE_UNLINK",
    How.RMDIR: "FILE_RMDIR",
    How.RENAME: "FILE_RENAME",
    How.LINK: "FILE_LINK",
    How.TRUNCATE: "FILE_TRUNCATE",
    How.CHMOD: "FILE_CHMOD",
    How.CHOWN: "FILE_CHOWN",
    How.MAP: "MMAP_FILE",
    How.SOCKET: "SOCKET_CREATE",
    How.CONNECT: "SOCKET_CONNECT",
    How.ACCEPT: "SOCKET_ACCEPT",
    How.MOVE_MOUNT: "MOVE_MOUNT",
    How.PIVOT_ROOT: "SB_PIVOTROOT",
}
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}
_SOCKETS = {
    1: "SOCK_STREAM",
    2: "SOCK_DGRAM",
    3: "SOCK_RAW",
    4: "SOCK_RDM",
    5: "SOCK_SEQPACKET",
    6: "SOCK_DCCP",
    10: "SOCK_PACKET",
}
_GUARDS = {
    Operation.MOUNT: "mounts inside the workload are refused, as they would give ruled files other names",
    Operation.PTRACE: "tracing a process outside the workload is refused, as it would act in the workload's stead",
    Operation.BPF: "getting hold of BPF maps, programs and links of others is refused, as some of them confine it",
    Operation.MODIFY: "a directory keeps its name while rules speak of what is below it",
}
_CANNOT_TELL = "the path could not be told, so the access is denied"


@dataclass(frozen=True, slots=True)
class Context:
    """What a record does not say itself; `constants` are added to every alert, none has the name of a field of ours.

    `boot` says when the node booted, in ns since the epoch. It is asked for each alert: a node without a clock of its
    own learns the time after it has started, and records count from the boot.
    """

    boot: Callable[[], int]
    host: str = ""
    cluster: str = "default"
    constants: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Pod:
    """The workload as alerts name it. `workload` is None when nobody knows which one it is."""

    workload: Workload | None = None
    container_id: str = ""
    name: str = ""
    image: str = ""
    slot: int = 0


def alerts_of(record: Record, image: Image | None, pod: Pod, context: Context) -> Iterator[Alert]:
    """One alert, or for Audit rules one for each of them; `image` has the rules by number, None if nobody knows."""
    if record.reason is Reason.WATCH and image is not None and 0 < record.rule <= len(image.sets):
        for number in image.sets[record.rule - 1]:
            yield _alert(record, image.rules[number - 1], pod, context)
        return
    known = image is not None and 0 < record.rule <= len(image.rules) and record.reason is not Reason.WATCH
    yield _alert(record, image.rules[record.rule - 1] if image and known else None, pod, context)


def _alert(record: Record, origin: Origin | None, pod: Pod, context: Context) -> Alert:
    seconds, rest = divmod(context.boot() + record.time, 10**9)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    workload = pod.workload or Workload("")
    host = workload.namespace is None
    labels = workload.node_labels if host else workload.labels
    exec_ = record.op is Operation.EXEC
    alert: Alert = {
        "Action": "Block" if record.result and record.reason is not Reason.WATCH else "Audit",
        "ClusterName": context.cluster,
        "ContainerID": pod.container_id,
        "ContainerImage": pod.image,
        "ContainerName": workload.container,
        "Data": _data(record),
        "Enforcer": "BPFLSM",
        "HostName": context.host,
        "HostPID": record.tgid,
        "HostPPID": record.ppid,
        "Labels": ",".join(f"{key}={value}" for key, value in labels),
        "NamespaceName": workload.namespace or "",
        "Operation": _OPERATIONS[record.op],
        "Owner": {"Name": "", "Namespace": workload.namespace or "", "Ref": ""},
        "PID": record.inner_pid,
        "PPID": record.inner_ppid,
        "ParentProcessName": _shown(record.parent),
        "PodName": pod.name,
        "PolicyName": _policy(record, origin),
        "ProcessName": _shown(record.resource if exec_ else record.program),
        "Resource": _resource(record),
        "Result": "Permission denied" if record.result else "Passed",
        "Source": _shown(record.program),
        "Timestamp": seconds,
        "Type": "MatchedHostPolicy" if host else "MatchedPolicy",
        "UpdatedTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    alert |= context.constants
    alert |= _notes(record, origin)
    if record.suppressed:
        alert["Suppressed"] = record.suppressed
    return alert


def _policy(record: Record, origin: Origin | None) -> str:
    if origin is None:
        named = record.rule and record.reason is not Reason.POSTURE
        return "" if named else POSTURE_POLICY
    if record.reason in {Reason.POSTURE, Reason.CANNOT_TELL}:
        return POSTURE_POLICY
    # an Allow rule denies by a requirement that failed (semantics 4.6)
    allows = isinstance(origin.entry, Rule) and origin.entry.action is Action.ALLOW
    return POSTURE_POLICY if allows and record.reason is Reason.RULE else origin.policy.name


def _notes(record: Record, origin: Origin | None) -> Alert:
    notes: Alert = {}
    if origin is not None and isinstance(origin.entry, Rule):
        rule = origin.entry
        if rule.severity:
            notes["Severity"] = str(rule.severity)
        if rule.tags:
            notes["Tags"] = ",".join(rule.tags)
            notes["ATags"] = list(rule.tags)
        if rule.message:
            notes["Message"] = rule.message
    if record.reason is Reason.CANNOT_TELL:
        notes["Message"] = _CANNOT_TELL
    elif record.reason is Reason.GUARD and origin is None:
        notes["Message"] = _GUARDS.get(record.op, "")
    elif origin is None and record.rule and record.reason is not Reason.POSTURE:
        what = "set of Audit rules" if record.reason is Reason.WATCH else "rule"
        notes["Message"] = (
            f"{what} {record.rule} of slot {record.slot}: nothing on this node says which policy it is of"
        )
    return notes


def _data(record: Record) -> str:
    hook = _HOOKS_BY_HOW.get(record.how) or _HOOKS.get(record.op, record.op.name)
    return f"lsm={hook} cut=true" if record.cut else f"lsm={hook}"


def _resource(record: Record) -> str:
    match record.op:
        case Operation.NETWORK:
            kind, protocol = record.number >> 16, record.number & 0xFFFF
            socket = f"type={_SOCKETS.get(kind, kind)}"
            return f"protocol={_PROTOCOLS.get(protocol, protocol)} {socket}" if protocol else socket
        case Operation.CAPABILITY:
            number = record.number & 0xFFFF
            name = CAPABILITY_NAMES[number] if number < len(CAPABILITY_NAMES) else str(number)
            return f"CAP_{name.upper()}"
        case _:
            return _shown(record.resource)


def _shown(text: str) -> str:
    r"""Bytes that are no UTF-8 become `\xNN`: JSON has no place for them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
