"""Kernels that guests run, as tests/guest/provision makes them."""

from __future__ import annotations

import lzma
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from support import missing

KERNELS = ("6.1", "6.12", "7.x")


def tools() -> Path:
    """What `make guest-tools` made; without it, or without QEMU, the test cannot run."""
    folder = Path(os.environ.get("HAUBERK_GUEST", "") or "-")
    if not folder.is_dir():
        missing("HAUBERK_GUEST names no folder: run `make test`, or `make guest-tools` and set it")
    if not shutil.which("qemu-system-x86_64"):
        missing("QEMU is not installed: Debian's qemu-system-x86 and seabios")
    return folder


@dataclass(frozen=True, slots=True)
class Kernel:
    """`release` is what `uname -r` says."""

    folder: Path
    release: str

    @classmethod
    def named(cls, name: str) -> Kernel:
        folder = tools() / name
        return cls(folder, (folder / "release").read_text().strip())

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def processor(self) -> str:
        """For QEMU: with cx16, 7.2 faults twice in 6.1 and 6.12; without it, BPF's local storage of 6.19 fails."""
        major, minor = (int(part) for part in self.release.split(".")[:2])
        return "max,-la57" if (major, minor) >= (6, 19) else "max,-la57,-cx16"

    def modules(self, *names: str) -> dict[str, bytes]:
        """These modules after those that they need, in an order to load them in; what is built in is left out."""
        files = {_plain(path.name.partition(".")[0]): path for path in (self.folder / "modules").rglob("*.ko*")}
        found: dict[str, bytes] = {}

        def add(name: str) -> None:
            if name in files and name not in found:
                data = _unpacked(files[name])
                for needed in _needed(data):
                    add(needed)
                found[name] = data

        for name in names:
            add(_plain(name))
        return found


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _needed(module: bytes) -> list[str]:
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return [_plain(name) for name in found[1].decode().split(",") if name] if found else []


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
