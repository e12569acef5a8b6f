"""`hauberk-enforcer` in a guest: policies, refusals, and what is left of it there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import ROOT
from support.commands import Background, Finished
from support.guest import Guest
from support.resident import enforcer

# what does not hang on the kernel: starting the command takes a guest some seconds
ONE = pytest.mark.parametrize("keeper", ["6.12"], indirect=True)
CLI = ("python3", "-m", "hauberk.enforcer.main")
STATE = "/run/hauberk/state.json"
PINS = "/sys/fs/bpf/hauberk"
OBJECT = "/opt/hauberk/python/hauberk/bpf/hauberk.bpf.o"
SEED = (ROOT / "examples/nginx/policy.yaml").read_bytes()
WEB = ("--namespace", "default", "--label", "app=nginx", "--container", "nginx")
ALERT = (
    "Action ClusterName ContainerID ContainerImage ContainerName Data Enforcer HostName HostPID HostPPID Labels "
    "NamespaceName Operation Owner PID PPID ParentProcessName PodName PolicyName ProcessName Resource Result Source "
    "Timestamp Type UpdatedTime"
).split()
# what an administrator could do to the kernel behind our back: `python3 -c BEHIND STATEMENT`
BEHIND = """
import sys
from pathlib import Path
from hauberk.enforcer.kernel import libbpf, loader
from hauberk.enforcer.kernel.image import Image, Place
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.enforcer.kernel.wire import *
exec(sys.argv[1])
"""


def policy(spec: str, name: str = "p", namespace: str = "default") -> bytes:
    head = {"apiVersion": "security.kubearmor.com/v1", "kind": "KubeArmorPolicy"}
    lines = [f"{key}: {value}" for key, value in head.items()]
    lines += [
        "metadata:",
        f"  name: {name}",
        f"  namespace: {namespace}",
        "spec:",
        "  selector: {matchLabels: {app: nginx}}",
    ]
    return "\n".join([*lines, *(f"  {line}" for line in spec.strip().splitlines()), ""]).encode()


def cli(guest: Guest, *arguments: str) -> Finished:
    return enforcer(guest, *arguments)


def load(guest: Guest, files: bytes | dict[str, bytes], *arguments: str) -> Finished:
    """Loads policies from a folder that holds these files only."""
    guest.run(["rm", "-rf", "/policies"]).checked()
    for name, data in ({"policy.yaml": files} if isinstance(files, bytes) else files).items():
        guest.put(f"/policies/{name}", data)
    return cli(guest, "load", "--policies", "/policies", *arguments)


def behind(guest: Guest, statement: str) -> str:
    return guest.run(["python3", "-c", BEHIND, statement], timeout=300).checked()


def one_line(done: Finished) -> str:
    """What a refusal says: one line, and no traceback."""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, done.stderr.decode()
    assert lines[0].startswith("hauberk-enforcer: ")
    return lines[0].removeprefix("hauberk-enforcer: ")


def alerts(guest: Guest, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cli(guest, "events", *arguments).checked().splitlines()]


def programs(guest: Guest) -> list[str]:
    """Names of ours that the kernel has."""
    code = (
        "import ctypes, errno, os\n"
        "lib = ctypes.CDLL('libbpf.so.1', use_errno=True)\n"
        "number, at = ctypes.c_uint32(0), 0\n"
        "while lib.bpf_prog_get_next_id(number.value, ctypes.byref(number)) == 0:\n"
        "    fd = lib.bpf_prog_get_fd_by_id(number.value)\n"
        "    if fd < 0:\n        continue\n"
        "    info, size = ctypes.create_string_buffer(232), ctypes.c_uint32(232)\n"
        "    lib.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size))\n"
        "    print(info.raw[64:80].split(b'\\0')[0].decode())\n"
        "    os.close(fd)\n"
    )
    return [name for name in guest.run(["python3", "-c", code]).checked().split() if name.startswith("hauberk_")]


def nothing_is_left(guest: Guest) -> None:
    assert guest.run(["ls", "/sys/fs/bpf"]).checked() == ""
    assert programs(guest) == []
    assert guest.run(["test", "-e", STATE]).returncode == 1
    assert guest.run(["find", "/sys/fs/cgroup", "-name", "hauberk-probe-*"]).checked() == ""


def until_it_has(guest: Guest, started: Background, path: str) -> None:
    """Waits until a command has opened a file."""
    line = f"ls -l /proc/{started.pid}/fd | grep -q {path}"
    for _ in range(300):
        if guest.run(["bash", "-c", line]).returncode == 0:
            return
        assert started.running, started.stderr
    raise AssertionError(f"{path} was not opened: {started.stderr!r}")
