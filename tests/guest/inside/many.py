"""Starts and ends containers one after the other; a line of JSON about the node after each hundred of them.

usage: many.py COUNT PID_OF_THE_DAEMON

Each is a cgroup with one process, of which the daemon is told as the hook of a runtime does it; the process then tries
to run `ls`, which is denied to it. What a runtime does besides is left out: starting five hundred with one would take
a guest half an hour.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

from hauberk.enforcer.node.hook import told

_SOCKET = Path("/run/hauberk/hook.sock")
_GROUPS = Path("/sys/fs/cgroup/many")
_ANNOTATIONS = {"hauberk.dev/namespace": "web", "hauberk.dev/labels": "app=nginx"}
_DENIED = 13


def contained(number: int) -> bool:
    """Whether the program of one more container was denied."""
    group = _GROUPS / str(number)
    group.mkdir(parents=True)
    waits, goes = os.pipe()
    pid = os.fork()
    if pid == 0:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        os.read(waits, 1)
        try:
            os.execv("/usr/bin/ls", ["ls", "/"])  # noqa: S606  what is tried
        except PermissionError:
            os._exit(_DENIED)
    while not (group / "cgroup.procs").read_text():
        os.sched_yield()
    told(_SOCKET, {"id": f"many-{number}", "pid": pid, "annotations": _ANNOTATIONS})
    os.write(goes, b"x")
    _, status = os.waitpid(pid, 0)
    os.close(waits)
    os.close(goes)
    group.rmdir()
    return os.waitstatus_to_exitcode(status) == _DENIED


def maps() -> int:
    """How many the kernel has."""
    library = ctypes.CDLL("libbpf.so.1")
    number, count = ctypes.c_uint32(0), 0
    while library.bpf_map_get_next_id(number.value, ctypes.byref(number)) == 0:
        count += 1
    return count


def kib(path: str, name: str) -> int:
    lines = Path(path).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    count, daemon = int(sys.argv[1]), int(sys.argv[2])
    denied = 0
    for number in range(1, count + 1):
        denied += contained(number)
        if number % 100 == 0:
            found = {
                "containers": number,
                "denied": denied,
                "maps": maps(),
                "resident": kib(f"/proc/{daemon}/status", "VmRSS"),
                "unreclaimable": kib("/proc/meminfo", "SUnreclaim"),
                "open": len(list(Path(f"/proc/{daemon}/fd").iterdir())),
                "threads": kib(f"/proc/{daemon}/status", "Threads"),
            }
            print(json.dumps(found), flush=True)
    _GROUPS.rmdir()


if __name__ == "__main__":
    main()
