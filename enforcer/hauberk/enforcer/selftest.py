"""Proves one denial before anything is called enforced: programs that are attached may still not work.

A kernel whose task storage fails has been met: it loaded, attached and enforced nothing. Such a kernel may as well
deny everything, so the probe must read one file and be denied another.
"""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.maps import CGROUPS, Kernel, cgroup_of
from hauberk.enforcer.kernel.wire import Counter
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import (
    NO_FLAGS,
    Action,
    Kind,
    Level,
    Model,
    Policy,
    Posture,
    Program,
    Rule,
    Selector,
    Workload,
)

_DENIED, _PASSED, _ALL_DENIED, _OUTSIDE, _OTHER = 0, 1, 2, 3, 4
_REASONS = {
    _PASSED: "a probe read a file that its policy blocks",
    _ALL_DENIED: "a probe was denied a file that no policy means",
    _OUTSIDE: "a probe could not enter its cgroup",
    _OTHER: "a probe failed",
}
_WORKLOAD = Workload("hauberk-probe")


def prove_a_denial(kernel: Kernel, folder: Path) -> None:
    """A child in a cgroup of its own is denied a file by a policy of its own; all of it is gone afterwards.

    `folder` is where the files are made.

    Raises:
        RefusedError: it was not, with what the kernel counted meanwhile; or somebody observes, and nothing is denied.

    """
    if kernel.settings().observe:
        raise RefusedError(
            "nothing is denied, as `hauberk-enforcer run --mode observe` set it: end it, and unload its programs first"
        )
    before = kernel.counters()
    slot = kernel.probe_slot
    with _cgroup() as group, tempfile.TemporaryDirectory(prefix="probe-", dir=folder) as files:
        blocked, free = (Path(os.path.realpath(files), name) for name in ("blocked", "free"))
        blocked.touch()
        free.touch()
        number, _ = cgroup_of(group)
        try:
            kernel.set_policy(slot, encode(compile_policies(Model.HAUBERK, [_policy(blocked)], _WORKLOAD, Posture())))
            kernel.register(group, slot)
            outcome = _try(group, blocked, free)
        finally:
            kernel.unregister(number)
            kernel.clear_policy(slot)
    if outcome != _DENIED:
        after = kernel.counters()
        counted = [
            f"{counter.name.lower().replace('_', ' ')} {after[counter] - before[counter]}"
            for counter in (Counter.NO_STORAGE, Counter.NO_SCRATCH, Counter.NO_PATH)
            if after[counter] > before[counter]
        ]
        told = f" (the kernel counted: {', '.join(counted)})" if counted else ""
        raise RefusedError(
            f"the programs are attached and do not enforce on this kernel: {_REASONS[outcome]}{told}; "
            "use another kernel, and report this one"
        )


def _own_cgroup() -> Path:
    """That of this process: the root of all may not be written without CAP_DAC_OVERRIDE."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    path = Path(next((line[3:] for line in lines if line.startswith("0::")), "/"))
    own = CGROUPS / path.relative_to("/")
    return own if ".." not in path.parts and (own / "cgroup.procs").exists() else CGROUPS


@contextmanager
def _cgroup() -> Generator[Path]:
    group = _own_cgroup() / f"hauberk-probe-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        yield group
    finally:
        with suppress(FileNotFoundError):
            group.rmdir()


def _policy(blocked: Path) -> Policy:
    rule = Rule("file", "matchPaths", 0, "file", Program(str(blocked)), (), NO_FLAGS, Action.BLOCK.value, Level.SPEC)
    return Policy(Kind.POLICY, "probe", _WORKLOAD.namespace, Selector(), (rule,))


def _try(group: Path, blocked: Path, free: Path) -> int:
    entrance = os.open(group / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        child = os.fork()
        if not child:
            os._exit(_outcome(entrance, blocked, free))
    finally:
        os.close(entrance)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code in _REASONS or code == _DENIED else _OTHER


def _outcome(entrance: int, blocked: Path, free: Path) -> int:
    """In the child, which must come back whatever happens: nothing that waits for a lock, as the parent has threads."""
    try:
        os.write(entrance, b"0")
    except OSError:
        return _OUTSIDE
    try:
        if _error_of(free):
            return _ALL_DENIED
        return {errno.EACCES: _DENIED, 0: _PASSED}.get(_error_of(blocked), _OTHER)
    except BaseException:  # noqa: BLE001  the parent's stack must not run twice
        return _OTHER


def _error_of(path: Path) -> int:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return error.errno or 0
    return 0
