"""What can go wrong between people and the kernel, in one line each that says what to do (pure)."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from itertools import pairwise

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.policy.problems import HauberkError

FINDINGS, USAGE = 1, 2

_LIBBPF_ERRORS = 4000
"""Numbers from here on are libbpf's own (bpf/libbpf.h, LIBBPF_ERRNO__*), not the kernel's: about the object file."""

_REPORT = "report it with the output under HAUBERK_DEBUG=1"
_REMEDIES = {
    errno.EPERM: "run it as root, or with CAP_BPF, CAP_PERFMON, CAP_SYSLOG and CAP_SYS_ADMIN",
    errno.EACCES: "run it as root, or with CAP_BPF, CAP_PERFMON, CAP_SYSLOG and CAP_SYS_ADMIN",
    errno.ENOMEM: "the kernel has no memory for it: free some, or load fewer rules",
    errno.E2BIG: f"this kernel's verifier gave up, or a map is full: {_REPORT}",
    errno.EINVAL: f"this kernel does not take it: {_REPORT}",
    errno.ENOSPC: "a map is full: unload what is not needed",
    errno.EBUSY: "something else holds it: `hauberk-enforcer check` says what this node lacks",
    errno.ESRCH: "this kernel lacks a hook or its type information: `hauberk-enforcer check` says what this node lacks",
}


def _verifiers_reason(log: Sequence[str]) -> str:
    """The line before the summary that ends a log of the verifier (kernel/bpf/verifier.c, print_verification_stats)."""
    for reason, line in pairwise(log):
        if line.startswith("processed ") and " insns" in line:
            return reason.strip()
    return ""


class RefusedError(HauberkError):
    """What was asked for is not done, and nothing is changed: exit code 1."""


def explained(error: Exception) -> str:
    """One line: what failed, and what to do."""
    if not isinstance(error, KernelError):
        return str(error)
    number = error.errno or 0
    if number >= _LIBBPF_ERRORS:
        return f"{error.asked}: it is no object that libbpf can read: install the package again"
    reason = _verifiers_reason(error.log)
    if reason:
        return f"{error.line}: this kernel's verifier refuses one ({reason}): {_REPORT}"
    remedy = _REMEDIES.get(number, "`hauberk-enforcer check` says what this node lacks")
    return f"{error.line}: {remedy}"
