"""The access that options of a command or fields of a test describe."""

from __future__ import annotations

from hauberk.policy.inputs import parse_access
from hauberk.policy.model import Access
from hauberk.policy.paths import canonical_path
from hauberk.policy.problems import HauberkError
from hauberk.policy.realpaths import real_path
from hauberk.policy.tables import CAPABILITIES, nearest

_SOCKETS = {
    "tcp": ("stream", 6),
    "udp": ("dgram", 17),
    "icmp": ("raw", 1),
    "icmpv6": ("raw", 58),
    "sctp": ("stream", 132),
}


_PATHLESS = ("memfd:", "pipe:", "socket:", "anon_inode:")
"""How the kernel calls what has no path; only such names do not start with a slash."""


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
    target = _checked(op, target)
    for option, program in (("--from", source), ("--parent", parent)):
        if program is not None:
            _must_be_real(option, program)
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


def _checked(op: str, target: str) -> str:
    """The target as the models know it; raises HauberkError for one that no kernel can show."""
    if op in ("exec", "read", "write", "modify") and not target.startswith(_PATHLESS):
        _must_be_real(f"--{op}", target)
    if op == "capability":
        name = target.lower().removeprefix("cap_")
        if name not in CAPABILITIES:
            close = nearest(name, CAPABILITIES)
            hint = f"did you mean {close}?" if close else "names are those of capabilities(7), such as net_raw"
            raise HauberkError(f"--capability {target}: there is no such capability: {hint}")
        return name
    return target


def _must_be_real(option: str, path: str) -> None:
    if not real_path(path):
        other = canonical_path(path) if path.startswith("/") else ""
        hint = f"give {other}" if other and real_path(other) else "give it from the root, such as /usr/bin/ls"
        raise HauberkError(f"{option} {path}: the kernel shows no such path: {hint}")
