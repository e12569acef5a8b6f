"""An access of the model -> what a process does for real, or why nobody can (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from hauberk.policy.model import Access
from hauberk.policy.realpaths import size_of

_IDS = 2**32 - 1
"""The last number means "leave it" to the kernel."""
_MOST_BYTES = 4095
"""PATH_MAX without the byte that ends it."""
_MEMORY = "memfd:"
_TYPES = {"stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5, "dccp": 6, "packet": 10}
_UNIX, _INET, _PACKET = 1, 2, 17
_FAMILIES = {"seqpacket": _UNIX, "packet": _PACKET}

CAPABILITIES = frozenset(
    "chown dac_override fowner ipc_lock kill lease mknod net_admin net_bind_service net_raw setfcap setgid setuid "
    "sys_admin sys_chroot sys_nice sys_resource".split()
)
"""Those that a system call within reach asks for; `actor.py` knows which."""


@dataclass(frozen=True, slots=True)
class Deed:
    """`target` is a path, the name of a program in memory, or a capability; `second` the new name of what is moved."""

    op: str
    target: str
    how: str = ""
    second: str = ""
    source: str | None = None
    uid: int = 0
    owner: int = 0
    tty: bool = False
    args: tuple[str, ...] = ()
    family: int = 0
    type: int = 0
    protocol: int = 0

    @property
    def in_memory(self) -> bool:
        """The target is a program without a file."""
        return self.op == "exec" and self.target.startswith(_MEMORY)


def deed_of(access: Access, aside: str) -> Deed | str:
    """The deed, else why the access cannot be done for real; `aside` is a name that no test means."""
    wrong = _beyond(access)
    if wrong:
        return wrong
    found = Deed(
        access.op,
        access.target,
        how=access.how,
        source=access.source,
        uid=access.uid,
        owner=access.owner_uid,
        tty=access.tty,
        args=access.args,
    )
    if access.op == "network":
        family = _FAMILIES.get(access.type, _INET)
        return Deed(
            "network",
            "",
            source=access.source,
            uid=access.uid,
            tty=access.tty,
            family=family,
            type=_TYPES[access.type],
            protocol=access.protocol,
        )
    if access.how in ("rename", "link"):
        folder = access.target.rpartition("/")[0]
        return Deed(
            access.op,
            access.target,
            how=access.how,
            second=f"{folder}/{aside}",
            source=access.source,
            uid=access.uid,
            owner=access.owner_uid,
            tty=access.tty,
        )
    return found


def _beyond(access: Access) -> str:
    if access.op == "dns":
        return "the kernel does not read DNS queries (HB607)"
    if access.op == "capability" and access.target not in CAPABILITIES:
        return f"no system call within reach asks for {access.target} alone"
    for name, number in (("uid", access.uid), ("owner", access.owner_uid)):
        if not 0 <= number < _IDS:
            return f"{name} {number} is no user that the kernel knows"
    if access.op in ("exec", "read", "write", "modify"):
        return _beyond_path(access)
    return ""


def _beyond_path(access: Access) -> str:
    path = access.target
    if not path.startswith("/"):
        if access.op == "exec" and path.startswith(_MEMORY):
            return ""
        return f"{path} has no name by which it could be opened"
    if any(size_of(one) > _MOST_BYTES for one in (path, access.source or "")):
        return "the path is longer than a system call takes"
    if access.how and path == "/":
        return "the root of all names is not changed"
    return ""
