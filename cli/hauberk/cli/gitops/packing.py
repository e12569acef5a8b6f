"""Files -> tar and gzip, each byte of which is decided here.

Libraries of the platform compress alike only while their versions are: the bytes are stored instead, so that a digest
says what is in the archive and nothing else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

_BLOCK = 512
_STORED = 0xFFFF
# no name, no time, no hint about the compressor, an unknown system
_GZIP = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


def gzipped(data: bytes) -> bytes:
    """A gzip stream that holds the data as it is."""
    parts = [_GZIP]
    pieces = [data[at : at + _STORED] for at in range(0, len(data), _STORED)] or [b""]
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        parts += [struct.pack("<BHH", is_last, len(piece), len(piece) ^ _STORED), piece]
    return b"".join((*parts, struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)))


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of regular files by name: owner root, mode 0644, time 0."""
    return b"".join(part for name in sorted(files) for part in _member(name, files[name])) + bytes(2 * _BLOCK)


def _member(name: str, data: bytes) -> Iterator[bytes]:
    encoded = name.encode()
    if len(encoded) > 100:
        yield from _with_data(b"././@PaxHeader", b"x", _pax(b" path=" + encoded + b"\n"))
    yield from _with_data(encoded[:100], b"0", data)


def _pax(record: bytes) -> bytes:
    """The record behind its own length, whose digits count too."""
    size = len(record)
    while size != len(record) + len(str(size)):
        size = len(record) + len(str(size))
    return str(size).encode() + record


def _with_data(name: bytes, kind: bytes, data: bytes) -> Iterator[bytes]:
    fields = (b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % len(data), b"%011o\0" % 0)
    head = name.ljust(100, b"\0") + b"".join(fields)
    tail = kind + bytes(100) + b"ustar\x0000" + bytes(32 + 32) + b"0000000\0" + b"0000000\0" + bytes(155 + 12)
    checksum = sum(head) + sum(b" " * 8) + sum(tail)
    yield head + b"%06o\0 " % checksum + tail
    yield data + bytes(-len(data) % _BLOCK)
