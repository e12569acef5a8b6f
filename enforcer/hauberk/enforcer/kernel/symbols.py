"""What this kernel has, and where."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError

_BLOCK = 1 << 18
_SYMBOLS, _TYPES = Path("/proc/kallsyms"), Path("/sys/kernel/btf/vmlinux")
_ASKING = threading.Lock()
"""Whoever asks while another looks waits for what it finds."""


def address(name: str, symbols: Path = _SYMBOLS) -> int:
    """Of a variable of the kernel itself, not of a module: the first of that name.

    Nothing is read after it, as the kernel prints symbols when they are read.

    Raises:
        KernelError: there is none of this name (data are left out without CONFIG_KALLSYMS_ALL), or the kernel hides
            addresses (kernel/kallsyms.c, s_show).

    """
    with _ASKING:
        return _found(name, symbols)


@cache
def _found(name: str, symbols: Path) -> int:
    asked = f"find {name} in {symbols}"
    # of any type, as that of one variable is not the same in all kernels
    wanted = f" {name}\n".encode()
    before = b""
    for block in _blocks(symbols):
        text = before + block
        at = text.find(wanted)
        if at >= 0:
            found = int(text[text.rfind(b"\n", 0, at) + 1 : at].split()[0], 16)
            if not found:
                raise KernelError(errno.EPERM, asked, ["addresses are hidden: sysctl kernel.kptr_restrict=1"])
            return found
        before = text[text.rfind(b"\n") + 1 :]
    raise KernelError(errno.ENOENT, asked, ["boot a kernel built with CONFIG_KALLSYMS_ALL=y"])


def look_ahead(name: str, symbols: Path = _SYMBOLS) -> threading.Thread:
    """Has `address` know it, or be about to, when it is asked; a kernel that does not tell is left to who asks."""

    def looked() -> None:
        with suppress(KernelError):
            address(name, symbols)

    thread = threading.Thread(target=looked, name="hauberk-symbols", daemon=True)
    thread.start()
    return thread


def _blocks(path: Path) -> Iterator[bytes]:
    """Whole ones, by C's library: the kernel gives a page at a time, and Python wants its lock back after each."""
    library = ctypes.CDLL(None, use_errno=True)
    library.fopen.restype, library.fread.restype = ctypes.c_void_p, ctypes.c_size_t
    library.fread.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
    library.fclose.argtypes = library.ferror.argtypes = [ctypes.c_void_p]
    stream = library.fopen(os.fsencode(path), b"rbe")
    if not stream:
        raise KernelError(ctypes.get_errno(), f"open {path}")
    try:
        block = ctypes.create_string_buffer(_BLOCK)
        while size := library.fread(block, 1, _BLOCK, stream):
            yield block.raw[:size]
        if library.ferror(stream):
            raise KernelError(ctypes.get_errno(), f"read {path}")
    finally:
        library.fclose(stream)


def has_function(name: str, types: Path = _TYPES) -> bool:
    """Whether the kernel's BTF names one; its strings end with a zero each (kernel/bpf/btf.rst). Raises OSError."""
    return f"\0{name}\0".encode() in types.read_bytes()
