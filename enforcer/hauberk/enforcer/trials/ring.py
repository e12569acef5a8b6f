"""Looks at records of the kernel without taking them away: whoever reads `events` still gets them all."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator

from hauberk.enforcer.kernel.libbpf import Map
from hauberk.enforcer.kernel.wire import Record, unpack_record

_POSITION = struct.Struct("<Q")
_HEAD = struct.Struct("<II")
_BUSY, _DISCARDED = 1 << 31, 1 << 30
"""BPF_RINGBUF_BUSY_BIT and the next (uapi/linux/bpf.h)."""
_PATIENCE = 1.0
_STEP = 0.001


class OverrunError(Exception):
    """More records came than the ring holds before they were looked at."""


class View:
    """The pages of a ring buffer as the kernel maps them: whoever produces, then the data, twice."""

    def __init__(self, records: Map) -> None:
        self._size = records.max_entries
        page = mmap.PAGESIZE
        self._pages = mmap.mmap(
            records.fd, page + 2 * self._size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ, offset=page
        )
        self._position = self._end()

    def close(self) -> None:
        self._pages.close()

    def _end(self) -> int:
        found: int = _POSITION.unpack_from(self._pages)[0]
        return found

    def since(self) -> list[Record]:
        """The records that came since it was last asked.

        Raises:
            OverrunError: some of them are overwritten.

        """
        end = self._end()
        found = [unpack_record(data) for data in self._between(self._position, end)]
        if self._end() - self._position > self._size:
            raise OverrunError
        self._position = end
        return found

    def _between(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            at = mmap.PAGESIZE + start % self._size
            length = self._length(at)
            if not length & _DISCARDED:
                yield self._pages[at + _HEAD.size : at + _HEAD.size + length]
            start += (_HEAD.size + (length & ~_DISCARDED) + 7) // 8 * 8

    def _length(self, at: int) -> int:
        """Once the record is whole: a program on another processor may still be writing."""
        until = time.monotonic() + _PATIENCE
        while True:
            length: int = _HEAD.unpack_from(self._pages, at)[0]
            if not length & _BUSY:
                return length
            if time.monotonic() > until:
                raise OverrunError
            time.sleep(_STEP)
