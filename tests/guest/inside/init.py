"""PID 1 of a guest: makes its file systems, starts the agent, reaps what nobody waits for. Ends in a panic with it.

At SIGUSR1 it becomes systemd, if the guest was given one; then the guest outlives its agent.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

# <linux/mount.h>, <asm/unistd_64.h>
_MS_BIND, _MS_MOVE = 4096, 8192
_SYS_FINIT_MODULE = 313
_MODULES = Path("/hauberk/modules")
_SYSTEMD = "/usr/lib/systemd/systemd"
_NEW, _OVER = Path("/hauberk/root"), Path("/hauberk/overlay")
_BEFORE = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"))
_AFTER = (
    ("securityfs", "/sys/kernel/security", ""),
    ("tracefs", "/sys/kernel/tracing", ""),
    ("debugfs", "/sys/kernel/debug", ""),
    ("bpf", "/sys/fs/bpf", "mode=700"),
    ("cgroup2", "/sys/fs/cgroup", ""),
    ("devpts", "/dev/pts", "mode=620,gid=5,ptmxmode=666"),
    ("tmpfs", "/dev/shm", "mode=1777"),  # noqa: S108  a mount point
    ("tmpfs", "/tmp", "mode=1777"),  # noqa: S108  a mount point
    ("tmpfs", "/run", "mode=755"),
)
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    for kind, at in _BEFORE:
        mount(kind, at)
    load_modules()
    enter_overlay()
    for kind, at, options in _AFTER:
        Path(at).mkdir(exist_ok=True)
        mount(kind, at, options=options)
    for name, target in _LINKS.items():
        Path("/dev", name).symlink_to(target)
    Path("/mnt/ext4").mkdir(parents=True)
    mount("ext4", "/mnt/ext4", source="/dev/vda")
    os.chown("/home/user", 1000, 1000)
    socket.sethostname("guest")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    agent = os.fork()
    if not agent:
        start_agent()
    signal.signal(signal.SIGUSR1, become_systemd)
    while os.wait()[0] != agent:
        pass
    sys.exit("the agent ended")


def become_systemd(_number: int, _frame: FrameType | None) -> None:
    os.execv(_SYSTEMD, [_SYSTEMD])  # noqa: S606  no shell is wanted


def start_agent() -> None:
    os.setsid()
    runpy.run_path("/hauberk/agent.py", run_name="__main__")


def enter_overlay() -> None:
    """The archive is the lower layer of a root that can be left: a runtime's pivot_root fails on the first root."""
    _NEW.mkdir()
    _OVER.mkdir()
    mount("tmpfs", str(_OVER))
    for name in ("upper", "work"):
        (_OVER / name).mkdir()
    mount("overlay", str(_NEW), options=f"lowerdir=/,upperdir={_OVER}/upper,workdir={_OVER}/work")
    # as it came, for root file systems of containers
    (_NEW / "image").mkdir()
    mount("", f"{_NEW}/image", source="/", flags=_MS_BIND)
    for _, at in _BEFORE:
        mount("", f"{_NEW}{at}", source=at, flags=_MS_MOVE)
    os.chdir(_NEW)
    mount("", "/", source=".", flags=_MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def load_modules() -> None:
    for name in (_MODULES / "order").read_text().split():
        with (_MODULES / name).open("rb") as file:
            checked(_libc.syscall(_SYS_FINIT_MODULE, file.fileno(), b"", 0), name)


def mount(kind: str, at: str, *, source: str = "", options: str = "", flags: int = 0) -> None:
    given = [(text or "none").encode() for text in (source, at, kind)]
    checked(_libc.mount(*given, ctypes.c_ulong(flags), options.encode()), at)


def checked(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


if __name__ == "__main__":
    main()
