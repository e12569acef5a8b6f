"""What QEMU is given to boot a guest: its command line, its first file system and its disk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from support import ROOT
from support.kernels import Kernel, tools
from support.newc import Archive

Payload = Mapping[str, Path | bytes]

_INSIDE = ROOT / "tests/guest/inside"
_MODULES = ("overlay", "virtio_pci", "virtio_blk", "virtio_console", "virtio_net", "loop")
# A machine with much else to do may give a guest no time while its kernel looks whether the timer ticks: it must not.
_COMMAND_LINE = (
    "console=ttyS0 loglevel=3 panic=-1 oops=panic edd=off no_timer_check lsm=landlock,lockdown,yama,bpf mitigations=off"
)
# in no PATH but root's
_MKE2FS = shutil.which("mke2fs") or "/usr/sbin/mke2fs"
_PROGRAMS = (b"#!", b"\x7fELF")


def command(
    folder: Path,
    kernel: Kernel,
    *,
    disk: Path,
    memory: int,
    channel: int,
    icount: bool,
    network: bool,
    processors: int = 1,
) -> list[str]:
    """Boots `folder`/initrd, writes `folder`/console; the agent's port is the socket `channel`."""
    drive = f"file={disk},format=raw,if=none,id=disk,snapshot=on"
    return [
        "qemu-system-x86_64",
        *("-machine", "q35,accel=tcg", "-cpu", kernel.processor, "-smp", str(processors), "-m", str(memory)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none"),
        *("-kernel", str(kernel.image), "-initrd", str(folder / "initrd"), "-append", _COMMAND_LINE),
        *("-serial", f"file:{folder / 'console'}"),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={channel}"),
        *("-device", "virtserialport,chardev=agent,nr=1"),
        *("-drive", drive, "-device", "virtio-blk-pci,drive=disk"),
        # the last device: others are found by their number
        *(("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net") if network else ()),
        *(("-icount", "shift=0") if icount else ()),
    ]


def pack(target: Path, kernel: Kernel, payload: Payload) -> None:
    """Writes the root file system and, as a second archive, modules, payload, init and agent."""
    with target.open("wb") as file:
        with (tools() / "base.cpio").open("rb") as base:
            shutil.copyfileobj(base, file, 1 << 22)
        archive = Archive(file)
        archive.file(PurePosixPath("init"), b"#!/usr/bin/python3 -I\n" + (_INSIDE / "init.py").read_bytes(), 0o755)
        archive.tree(_INSIDE / "agent.py", PurePosixPath("hauberk/agent.py"))
        modules = kernel.modules(*_MODULES)
        for name, data in modules.items():
            archive.file(PurePosixPath("hauberk/modules", name), data)
        archive.file(PurePosixPath("hauberk/modules/order"), "\n".join(modules).encode())
        for path, content in payload.items():
            at = PurePosixPath(path).relative_to("/")
            if isinstance(content, bytes):
                archive.file(at, content, 0o755 if content.startswith(_PROGRAMS) else 0o644)
            else:
                archive.tree(content, at)
        archive.end()


def make_ext4(image: Path, size: str = "256M", root: Path | None = None) -> None:
    """An image of an ext4 file system, with what is in the folder `root`."""
    content = ["-d", str(root)] if root else []
    subprocess.run([_MKE2FS, "-q", "-F", "-t", "ext4", *content, str(image), size], check=True, capture_output=True)
