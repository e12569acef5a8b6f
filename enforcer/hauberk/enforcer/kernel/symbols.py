"""What this kernel has, and where."""

from __future__ import annotations

import errno
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError

_SYMBOLS, _TYPES = Path("/proc/kallsyms"), Path("/sys/kernel/btf/vmlinux")


def address(name: str, symbols: Path = _SYMBOLS) -> int:
    """Of a symbol of the kernel itself, not of a module. Stops where it is found: the kernel prints them as they are read.

    Raises:
        KernelError: there is none of this name (data are left out without CONFIG_KALLSYMS_ALL), or the kernel hides
            addresses (kernel/kallsyms.c, s_show).

    """
    asked = f"find {name} in {symbols}"
    wanted = f" {name}\n".encode()
    before = b""
    with symbols.open("rb", buffering=0) as stream:
        while block := stream.read(1 << 16):
            text = before + block
            at = text.find(wanted)
            if at >= 0:
                found = int(text[text.rfind(b"\n", 0, at) + 1 : at].split()[0], 16)
                if not found:
                    raise KernelError(errno.EPERM, asked, ["addresses are hidden: sysctl kernel.kptr_restrict=1"])
                return found
            before = text[text.rfind(b"\n") + 1 :]
    raise KernelError(errno.ENOENT, asked, ["boot a kernel built with CONFIG_KALLSYMS_ALL=y"])


def has_function(name: str, types: Path = _TYPES) -> bool:
    """Whether the kernel's BTF names one; its strings end with a zero each (kernel/bpf/btf.rst)."""
    return f"\0{name}\0".encode() in types.read_bytes()
