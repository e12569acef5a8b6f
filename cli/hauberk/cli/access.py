"""The access that options of a command or fields of a test describe."""

from __future__ import annotations

from hauberk.policy.inputs import parse_access
from hauberk.policy.model import Access
from hauberk.policy.problems import HauberkError

_SOCKETS = {
    "tcp": ("stream", 6),
    "udp": ("dgram", 17),
    "icmp": ("raw", 1),
    "icmpv6": ("raw", 58),
    "sctp": ("stream", 132),
}


def access_of(
    wanted: dict[str, str],
    *,
    source: str | None,
    parent: str | None,
    how: str | None,
    args: tuple[str, ...],
    uid: int,
    owner: int,
    tty: bool,
) -> Access:
    """The access of exactly one operation, given with its target in `wanted`; raises HauberkError for anything else."""
    if len(wanted) != 1:
        options = "--exec, --read, --write, --modify, --connect, --resolve, --capability"
        raise HauberkError(f"give one of {options}" + (", not several" if wanted else ""))
    ((op, target),) = wanted.items()
    access: dict[str, object] = {"op": op, "uid": uid, "owner_uid": owner, "tty": tty, "args": list(args)}
    access |= {"source": source, "parent_source": parent or source}
    if op == "network":
        kind, number = _SOCKETS.get(target.lower(), (target.lower(), 0))
        access |= {"type": kind, "protocol": number}
    else:
        access["target"] = target
    if op == "modify":
        access["how"] = how or "delete"
    return parse_access(access)
