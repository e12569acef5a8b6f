"""What can go wrong between people and the kernel, in one line each that says what to do (pure)."""

from __future__ import annotations

import errno

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.policy.problems import HauberkError

FINDINGS, USAGE = 1, 2

_LIBBPF_ERRORS = 4000
"""Numbers from here on are libbpf's own (bpf/libbpf.h, LIBBPF_ERRNO__*), not the kernel's: about the object file."""

_REMEDIES = {
    errno.EPERM: "run it as root, or with CAP_BPF, CAP_PERFMON, CAP_SYSLOG and CAP_SYS_ADMIN",
    errno.EACCES: "run it as root, or with CAP_BPF, CAP_PERFMON, CAP_SYSLOG and CAP_SYS_ADMIN",
    errno.ENOMEM: "the kernel has no memory for it: free some, or load fewer rules",
    errno.E2BIG: "this kernel's verifier gave up, or a map is full: report it with the output under HAUBERK_DEBUG=1",
    errno.EINVAL: "this kernel does not take it: report it with the output under HAUBERK_DEBUG=1",
    errno.ENOSPC: "a map is full: unload what is not needed",
    errno.EBUSY: "something else holds it: `hauberk-enforcer check` says what this node lacks",
    errno.ESRCH: "this kernel lacks a hook or its type information: `hauberk-enforcer check` says what this node lacks",
}


class RefusedError(HauberkError):
    """What was asked for is not done, and nothing is changed: exit code 1."""


def explained(error: Exception) -> str:
    """One line: what failed, and what to do."""
    if not isinstance(error, KernelError):
        return str(error)
    number = error.errno or 0
    if number >= _LIBBPF_ERRORS:
        return f"{error.asked}: it is no object that libbpf can read: install the package again"
    remedy = _REMEDIES.get(number, "`hauberk-enforcer check` says what this node lacks")
    return f"{error.line}: {remedy}"
