"""A container in a guest: crun, an overlay of the guest's image, namespaces and a cgroup of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.commands import Background, Finished
from support.guest import Guest

NGINX = ("nginx", "-g", "daemon off;")
# what containerd gives
CAPABILITIES = (
    "CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_BIND_SERVICE "
    "CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT"
).split()
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
_MOUNTS = (
    ("proc", "/proc", ()),
    ("tmpfs", "/dev", ("nosuid", "mode=755", "size=65536k")),
    ("devpts", "/dev/pts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    ("tmpfs", "/dev/shm", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),  # noqa: S108
    ("mqueue", "/dev/mqueue", ("nosuid", "noexec", "nodev")),
    ("sysfs", "/sys", ("nosuid", "noexec", "nodev", "ro")),
)
_REQUEST = """
import sys, urllib.error, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=60) as answer:
        print(answer.status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@dataclass(frozen=True, slots=True)
class Image:
    """What a container runs on: `files` are written over the guest's image; a volume is a folder of the guest.

    `hook` is a command of the guest that the runtime runs before the container's first program (createRuntime).
    """

    argv: Sequence[str] = ("sleep", "infinity")
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    volumes: Mapping[str, str] = field(default_factory=dict[str, str])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    user: int = 0
    capabilities: Sequence[str] = tuple(CAPABILITIES)
    hook: Sequence[str] = ()
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Container:
    """`pid` is its first process, as the guest counts."""

    guest: Guest
    name: str
    pid: int

    @property
    def cgroup(self) -> str:
        return f"/sys/fs/cgroup/hauberk/{self.name}"

    @property
    def log(self) -> str:
        """What its first process wrote so far."""
        return self.guest.get(f"{_folder(self.name)}/log").decode()

    def exec(self, argv: Sequence[str], input: bytes = b"", timeout: float = 120, user: int = 0) -> Finished:  # noqa: A002
        return self.guest.run(self._exec(argv, user), input, timeout)

    def start(self, argv: Sequence[str], input: bytes | None = b"", user: int = 0) -> Background:  # noqa: A002
        return self.guest.start(self._exec(argv, user), input)

    def status(self, path: str = "/", port: int = 80) -> int:
        """Of an HTTP request made in its network by a process that is in nothing else of it."""
        here = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        return int(self.guest.run([*here, "python3", "-c", _REQUEST, f"http://127.0.0.1:{port}{path}"]).checked())

    def _exec(self, argv: Sequence[str], user: int) -> list[str]:
        return ["crun", "exec", "--user", f"{user}:{user}", self.name, *argv]


@contextmanager
def running(guest: Guest, name: str, image: Image | None = None) -> Iterator[Container]:
    """A container with this name; all of it is gone afterwards."""
    given, folder = image or Image(), _folder(name)
    upper = f"{folder}/upper"
    guest.run(["mkdir", "-p", upper, f"{folder}/work", f"{folder}/rootfs", *given.volumes.values()]).checked()
    layers = f"lowerdir=/image,upperdir={upper},workdir={folder}/work"
    guest.run(["mount", "-t", "overlay", "overlay", "-o", layers, f"{folder}/rootfs"]).checked()
    try:
        for path, data in given.files.items():
            guest.put(f"{folder}/rootfs{path}", data)
        guest.put(f"{folder}/config.json", json.dumps(_config(name, given)).encode())
        yield Container(guest, name, _run(guest, name))
    finally:
        if guest.alive:
            guest.run(["crun", "delete", "--force", name])
            guest.run(["umount", f"{folder}/rootfs"])
            guest.run(["rm", "-r", folder])


def _run(guest: Guest, name: str) -> int:
    """Detached, it would hold the pipes of the command."""
    folder = _folder(name)
    line = f"exec crun run --detach --bundle {folder} --pid-file {folder}/pid {name} >{folder}/log 2>&1"
    done = guest.run(["sh", "-c", line])
    assert done.returncode == 0, guest.get(f"{folder}/log").decode()
    return int(guest.get(f"{folder}/pid"))


def _folder(name: str) -> str:
    return f"/run/containers/{name}"


def _config(name: str, image: Image) -> dict[str, Any]:
    """For the runtime, as the OCI's runtime specification has it."""
    mounts = [{"type": kind, "source": kind, "destination": at, "options": list(how)} for kind, at, how in _MOUNTS]
    mounts += [
        {"type": "bind", "source": source, "destination": at, "options": ["rbind", "rw"]}
        for at, source in image.volumes.items()
    ]
    sets = {name: list(image.capabilities) for name in ("bounding", "effective", "permitted")}
    hooks = {"hooks": {"createRuntime": [{"path": image.hook[0], "args": list(image.hook)}]}} if image.hook else {}
    return {
        **hooks,
        "ociVersion": "1.0.2",
        "hostname": name,
        "annotations": dict(image.annotations),
        "root": {"path": "rootfs"},
        "process": {
            "args": list(image.argv),
            "cwd": "/",
            "env": [f"{key}={value}" for key, value in {**_ENVIRONMENT, **image.env}.items()],
            "user": {"uid": image.user, "gid": image.user},
            "capabilities": sets,
        },
        "mounts": mounts,
        "linux": {
            "cgroupsPath": f"/hauberk/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "network", "ipc", "uts")],
        },
    }
