"""Does accesses for real, each by a task of the cgroup under test; a script of its own, started by `stage.py`.

It is told what to do by lines of JSON on its standard input and answers each with one on its standard output. Whatever
it needs is imported before it stands in a root file system that has none of it; between entering the cgroup and
the access nothing is opened. It is longer than other modules, as it is run without any of them.

usage: python actor.py READY GO ENTRANCE TERMINAL: descriptors, and 1 for a terminal
"""

from __future__ import annotations

import base64
import fcntl
import json
import mmap
import os
import resource
import socket
import stat
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Spec = dict[str, Any]

_OTHER = 0x7FFFFFF1
"""A user that is nobody else here."""
_F_SETLEASE, _MAP_LOCKED = 1024, 0x2000
_SO_BINDTODEVICE, _SO_RCVBUFFORCE = 25, 33
_NO_CAPABILITIES = bytes.fromhex("00000002") + bytes(16)
"""struct vfs_cap_data of VFS_CAP_REVISION_2, for security.capability."""
_MESSAGE = 1 << 20
_FILE, _DEVICE = "/.hauberk-file", "/.hauberk-device"


def main() -> None:
    ready, go, entrance, terminal = map(int, sys.argv[1:])
    os.setsid()
    if terminal:
        _, mine = os.openpty()
        fcntl.ioctl(mine, termios.TIOCSCTTY, 0)
    before = os.stat("/").st_dev  # noqa: PTH116  what is not needed is not imported
    os.write(ready, b".")
    os.close(ready)
    if not os.read(go, 1) or os.stat("/").st_dev == before:  # noqa: PTH116  likewise
        return
    os.umask(0)
    while asked := line():
        perform(json.loads(asked), entrance)


def perform(spec: Spec, entrance: int) -> None:
    """One deed: made ready, done by a child once it is told to, and cleared away."""
    made = Made()
    try:
        made.ready(spec)
    except OSError as error:
        say(failed=f"{spec['target']} cannot be made: {error.strerror}")
    else:
        say(made=True)
        if line():
            child = os.fork()
            if not child:
                with suppress(BaseException):  # the parent's stack must not run twice
                    act(spec, entrance)
                    os._exit(0)
                os._exit(1)
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            say(died=(f"was killed by signal {-code}" if code < 0 else f"ended with {code}") if code else "")
    made.clear(spec)


def line() -> str:
    """One line: the other side sends the next one only when it was answered."""
    text = b""
    while not text.endswith(b"\n") and (part := os.read(0, _MESSAGE)):
        text += part
    return text.decode()


def say(**answer: Any) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


class Made:
    """What a deed finds, with everything that else it could fail for out of the way."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._folders: list[str] = []
        self._owned: list[str] = []

    def ready(self, spec: Spec) -> None:
        self._file(spec["canary"], b"")
        program = base64.b64decode(spec["program"])
        if spec["loader"]:
            self._file(spec["loader"], program)
        target: str = spec["target"]
        if not target.startswith("/"):
            return
        owned = target
        if spec["how"] == "create":
            owned = _folder_of(target)
            self._folder(owned)
        else:
            self._file(target, program)
        os.chown(owned, spec["owner"], 0)
        self._owned.append(owned)

    def _file(self, path: str, data: bytes) -> None:
        """A program, unless there is something already: the actor itself, or a folder above it."""
        self._folder(_folder_of(path))
        if not os.path.exists(path):  # noqa: PTH110  likewise
            self._files.append(path)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777)
            os.write(fd, data)
            os.close(fd)

    def _folder(self, path: str) -> None:
        missing: list[str] = []
        while not os.path.isdir(path):  # noqa: PTH112  likewise
            missing.append(path)
            path = _folder_of(path)
        for one in reversed(missing):
            os.mkdir(one)  # noqa: PTH102  likewise
            self._folders.append(one)

    def clear(self, spec: Spec) -> None:
        """The root file system is as it was: nothing but the actor."""
        for path in self._owned:
            with suppress(OSError):
                os.chown(path, 0, 0)
        names = [*self._files, spec["second"], _FILE, _DEVICE]
        for path in [*names, spec["target"]] if spec["how"] == "create" else names:
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108  likewise
        for path in reversed(self._folders):
            with suppress(OSError):
                os.rmdir(path)  # noqa: PTH106  likewise


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def act(spec: Spec, entrance: int) -> None:
    prepared = CAPABILITIES[spec["target"]]() if spec["op"] == "capability" else None
    deed = prepared or (lambda: deeds[spec["op"]](spec))
    # only the real user is asked about; the effective one keeps root's capabilities
    os.setresuid(spec["uid"], -1, -1)
    os.write(entrance, b"0")
    say(errno=errno_of(lambda: os.close(os.open(spec["canary"], os.O_RDONLY))))
    if line():
        say(errno=errno_of(deed))


def errno_of(deed: Callable[[], object]) -> int:
    try:
        deed()
    except OSError as error:
        return error.errno or -1
    return 0


def start(spec: Spec) -> None:
    """Raises OSError when the program does not start, ChildProcessError when it does not end well."""
    target: str = spec["target"]
    executable: str | int = target
    if not target.startswith("/"):
        executable = os.memfd_create(target.removeprefix("memfd:"))
        os.write(executable, base64.b64decode(spec["program"]))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):  # as in main
            failed = errno_of(lambda: os.execve(executable, spec["args"] or [target], {}))  # noqa: S606  no shell
            os.write(writing, failed.to_bytes(4))
        os._exit(1)
    os.close(writing)
    failed = int.from_bytes(os.read(reading, 4))
    _, status = os.waitpid(child, 0)
    if failed:
        raise OSError(failed, "")
    if status:
        raise ChildProcessError(-1, "")


def modify(spec: Spec) -> None:
    path: str = spec["target"]
    match spec["how"]:
        case "create":
            os.mknod(path, stat.S_IFREG | 0o600)
        case "delete" if os.path.isdir(path):  # noqa: PTH112  likewise
            os.rmdir(path)  # noqa: PTH106  likewise
        case "delete":
            os.unlink(path)  # noqa: PTH108  likewise
        case "rename":
            os.rename(path, spec["second"])  # noqa: PTH104  likewise
        case "link":
            os.link(path, spec["second"])
        case "truncate":
            os.truncate(path, 0)
        case "chmod":
            os.chmod(path, 0o777)  # noqa: PTH101, S103  likewise
        case _:
            os.chown(path, -1, -1)


deeds: dict[str, Callable[[Spec], object]] = {
    "exec": start,
    "read": lambda spec: os.close(os.open(spec["target"], os.O_RDONLY | os.O_NONBLOCK)),
    "write": lambda spec: os.close(os.open(spec["target"], os.O_WRONLY | os.O_NONBLOCK)),
    "modify": modify,
    "network": lambda spec: socket.socket(spec["family"], spec["type"], spec["protocol"]).close(),
}


# -- capabilities: each is prepared outside, so that inside one system call asks for it and for nothing else


def others_file() -> tuple[int, str]:
    fd = os.open(_FILE, os.O_RDONLY | os.O_CREAT, 0)
    os.fchown(fd, _OTHER, 0)
    return fd, _FILE


def _override() -> Callable[[], object]:
    _, path = others_file()

    def deed() -> None:
        if not os.access(path, os.W_OK, effective_ids=True):
            raise PermissionError(13, "")

    return deed


def _kill() -> Callable[[], object]:
    reading, writing = os.pipe()
    held, holding = os.pipe()
    other = os.fork()
    if not other:
        with suppress(BaseException):  # as in main
            os.close(holding)
            os.setresuid(_OTHER, _OTHER, _OTHER)
            os.write(writing, b".")
            os.read(held, 1)  # until the one that asks has ended
        os._exit(0)
    os.read(reading, 1)
    return lambda: os.kill(other, 0)


def _lock() -> Callable[[], object]:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_LOCKED
    return lambda: mmap.mmap(-1, mmap.PAGESIZE, flags=flags).close()


def _bind() -> Callable[[], object]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return lambda: made.bind(("0.0.0.0", 1))  # noqa: S104  in a network of its own


def _buffer() -> Callable[[], object]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return lambda: made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4096)


def _device() -> Callable[[], object]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")
    return lambda: made.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"\0")


def _nice() -> Callable[[], object]:
    resource.setrlimit(resource.RLIMIT_NICE, (0, 0))
    return lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)


def _limit() -> Callable[[], object]:
    def deed() -> None:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 1))
        except ValueError:  # what the module makes of EPERM
            raise PermissionError(1, "") from None

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return deed


def _file(deed: Callable[[int, str], object]) -> Callable[[], Callable[[], object]]:
    def prepared() -> Callable[[], object]:
        fd, path = others_file()
        return lambda: deed(fd, path)

    return prepared


CAPABILITIES: dict[str, Callable[[], Callable[[], object]]] = {
    "chown": _file(lambda fd, _: os.fchown(fd, _OTHER + 1, 0)),
    "dac_override": _override,
    "fowner": _file(lambda _, path: os.utime(path, (1, 1))),
    "ipc_lock": _lock,
    "kill": _kill,
    "lease": _file(lambda fd, _: fcntl.fcntl(fd, _F_SETLEASE, fcntl.F_RDLCK)),
    "mknod": lambda: lambda: os.mknod(_DEVICE, stat.S_IFCHR, os.makedev(1, 3)),
    "net_admin": _buffer,
    "net_bind_service": _bind,
    "net_raw": _device,
    "setfcap": _file(lambda _, path: os.setxattr(path, "security.capability", _NO_CAPABILITIES)),
    "setgid": lambda: lambda: os.setgid(_OTHER),
    "setuid": lambda: lambda: os.setuid(_OTHER),
    "sys_admin": lambda: lambda: socket.sethostname("hauberk"),
    "sys_chroot": lambda: lambda: os.chroot("/"),
    "sys_nice": _nice,
    "sys_resource": _limit,
}


if __name__ == "__main__":
    main()
