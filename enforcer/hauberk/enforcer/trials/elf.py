"""The smallest program there is, which ends at once, and what another one's loader is (pure)."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
"""Elf64_Ehdr and Elf64_Phdr (uapi/linux/elf.h)."""
_IDENTITY = b"\x7fELF\x02\x01\x01"
_DYNAMIC = 3
"""ET_DYN: as another program's loader it must fit beside that program, wherever it lies."""
_LOADED, _LOADER = 1, 3
_READ_EXECUTE = 5
_PAGE = 1 << 16
"""The largest page of these machines."""

_CODE = {
    # exit_group(0): xor edi, edi; mov eax, 231; syscall
    "x86_64": (62, bytes.fromhex("31ffb8e70000000f05")),
    # mov x0, 0; mov x8, 94; svc 0
    "aarch64": (183, bytes.fromhex("000080d2c80b80d2010000d4")),
}


def exiting(machine: str) -> bytes | None:
    """A static program that succeeds; None for a machine whose code is not known here."""
    if machine not in _CODE:
        return None
    number, code = _CODE[machine]
    start = _HEADER.size + _SEGMENT.size
    # to the end of a page: Linux 6.1 clears what is beyond in a loader, and fails as it may not write there
    size = _PAGE
    header = _HEADER.pack(
        _IDENTITY.ljust(16, b"\0"),
        _DYNAMIC,
        number,
        1,
        start,
        _HEADER.size,
        0,
        0,
        _HEADER.size,
        _SEGMENT.size,
        1,
        0,
        0,
        0,
    )
    return header + _SEGMENT.pack(_LOADED, _READ_EXECUTE, 0, 0, 0, size, size, _PAGE) + code


def loader_of(program: bytes) -> str | None:
    """The path of the loader that a dynamic program names (PT_INTERP), None for a static one."""
    _, _, _, _, _, segments, _, _, _, size, count, *_ = _HEADER.unpack_from(program)
    for number in range(count):
        kind, _, offset, _, _, length, _, _ = _SEGMENT.unpack_from(program, segments + number * size)
        if kind == _LOADER:
            return program[offset : offset + length].rstrip(b"\0").decode()
    return None
