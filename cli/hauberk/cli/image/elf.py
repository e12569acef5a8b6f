"""ELF files through pyelftools: what the kernel and the dynamic loader read, and no section, which they do not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from typing import Any

from hauberk.policy.images import Elf
from hauberk.policy.problems import HauberkError

_MAX_HEADERS = 1170
"""Program headers that fit in 64 KiB: the kernel reads no more (fs/binfmt_elf.c, load_elf_phdrs)."""

_MAX_TAGS = 4096
_MAX_STRING = 4096
_TYPES = (2, 3)
"""ET_EXEC, ET_DYN."""

Header = tuple[str, int, int, int]
"""Type, offset in the file, address, size in the file."""


def need() -> None:
    """Raises HauberkError when pyelftools is not installed."""
    if find_spec("elftools") is None:
        raise HauberkError('--image needs the extra: pip install "hauberk[image]"')


def parse(data: bytes) -> Elf | None:
    """None for what the kernel would not load: no program or shared object, or damaged."""
    if len(data) < 52 or data[4] not in (1, 2) or data[5] not in (1, 2):
        return None
    order = "<" if data[5] == 1 else ">"
    if struct.unpack_from(f"{order}H", data, 16)[0] not in _TYPES:
        return None
    errors: tuple[type[Exception], ...] = (
        import_module("elftools.common.exceptions").ELFError,
        import_module("elftools.construct").ConstructError,
        OverflowError,  # an offset that no file has
    )
    try:
        return _parsed(data)
    except errors:
        return None


def _parsed(data: bytes) -> Elf | None:
    file: Any = import_module("elftools.elf.elffile").ELFFile(BytesIO(data))
    machine = f"{data[4]}.{data[5]}.{file['e_machine']}"
    count = int(file["e_phnum"])
    if count > _MAX_HEADERS:
        return None
    parse_struct: Any = import_module("elftools.common.utils").struct_parse
    headers: list[Header] = []
    for number in range(count):
        place = int(file["e_phoff"]) + number * int(file["e_phentsize"])
        one = parse_struct(file.structs.Elf_Phdr, file.stream, stream_pos=place)
        headers.append((str(one.p_type), int(one.p_offset), int(one.p_vaddr), int(one.p_filesz)))
    interpreter = next((_text(data, h[1], h[3]) for h in headers if h[0] == "PT_INTERP"), None)
    dynamic = next((h for h in headers if h[0] == "PT_DYNAMIC"), None)
    if dynamic is None:
        return Elf(machine, interpreter or None)
    tags = list(_tags(file, parse_struct, dynamic))
    strings = next((_offset(headers, value) for tag, value in tags if tag == "DT_STRTAB"), None)

    def listed(wanted: str) -> Iterator[str]:
        if strings is not None:
            yield from (text for tag, value in tags if tag == wanted and (text := _text(data, strings + value)))

    rpath, runpath = (
        tuple(part for text in listed(tag) for part in text.split(":")) for tag in ("DT_RPATH", "DT_RUNPATH")
    )
    return Elf(machine, interpreter or None, tuple(listed("DT_NEEDED")), rpath, runpath)


def _tags(file: Any, parse_struct: Any, dynamic: Header) -> Iterator[tuple[str, int]]:
    size = int(file.structs.Elf_Dyn.sizeof())
    for number in range(min(dynamic[3] // size, _MAX_TAGS)):
        tag = parse_struct(file.structs.Elf_Dyn, file.stream, stream_pos=dynamic[1] + number * size)
        if tag.d_tag == "DT_NULL":
            return
        yield str(tag.d_tag), int(tag.d_val)


def _offset(headers: list[Header], address: int) -> int | None:
    for kind, offset, start, size in headers:
        if kind == "PT_LOAD" and start <= address < start + size:
            return offset + address - start
    return None


def _text(data: bytes, start: int, size: int = _MAX_STRING) -> str:
    return data[start : start + min(size, _MAX_STRING)].partition(b"\0")[0].decode("utf-8", "surrogateescape")
