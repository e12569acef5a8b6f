"""Sizes and offsets of structures in an object's BTF (Documentation/bpf/btf.rst)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

INT, POINTER, ARRAY, STRUCT, UNION, ENUM, TYPEDEF = 1, 2, 3, 4, 5, 6, 8
VOLATILE, CONST, RESTRICT, FUNCTION, PROTOTYPE, VARIABLE, SECTION, ENUM64 = 9, 10, 11, 12, 13, 14, 15, 19
_EACH = {
    INT: (4, 0),
    ARRAY: (12, 0),
    STRUCT: (0, 12),
    UNION: (0, 12),
    ENUM: (0, 8),
    PROTOTYPE: (0, 8),
    VARIABLE: (4, 0),
}
_EACH |= {SECTION: (0, 12), 17: (4, 0), ENUM64: (0, 12)}
"""Bytes after the head of a type: once, and for each of its members."""


@dataclass(frozen=True, slots=True)
class Structure:
    size: int
    offsets: dict[str, int]


def structures(path: Path) -> dict[str, Structure]:
    """By name."""
    data = _section(path)
    _, _, _, header, type_offset, type_size, text_offset, _ = struct.unpack_from("<HBBIIIII", data)
    texts = data[header + text_offset :]
    found: dict[str, Structure] = {}
    at, end = header + type_offset, header + type_offset + type_size
    while at < end:
        name, info, size = struct.unpack_from("<III", data, at)
        kind, count = info >> 24 & 31, info & 0xFFFF
        fixed, each = _EACH.get(kind, (0, 0))
        if kind == STRUCT:
            members = [struct.unpack_from("<III", data, at + 12 + 12 * n) for n in range(count)]
            offsets = {_text(texts, member): (offset & 0xFFFFFF) // 8 for member, _, offset in members}
            found[_text(texts, name)] = Structure(size, offsets)
        at += 12 + fixed + each * count
    return found


def _section(path: Path) -> bytes:
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".BTF")
        assert section is not None
        data: bytes = section.data()
        return data


def _text(texts: bytes, at: int) -> str:
    return texts[at : texts.index(b"\0", at)].decode()
