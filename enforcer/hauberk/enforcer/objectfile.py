"""Whether a file is a whole object of BPF code: libbpf says little about one that is not (pure)."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
"""Elf64_Ehdr (uapi/linux/elf.h)."""
_MAGIC = b"\x7fELF\x02\x01"
_MACHINE = 247
"""EM_BPF."""


def fault(data: bytes) -> str:
    """What is wrong with the bytes of an object, "" when nothing is."""
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        return "is no 64-bit little-endian ELF file"
    _, _, machine, _, _, _, sections, _, _, _, _, size, count, _ = _HEADER.unpack_from(data)
    if machine != _MACHINE:
        return f"holds code of another machine ({machine}), not of BPF"
    if sections + size * count > len(data):
        return f"is cut short: it has {len(data)} bytes of {sections + size * count}"
    return ""
