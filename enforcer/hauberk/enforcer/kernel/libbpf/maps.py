"""Maps by their file descriptors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from ctypes import byref, c_uint32, create_string_buffer, sizeof
from typing import Self

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.libbpf import library as lib
from hauberk.enforcer.kernel.libbpf.library import MapCreateOptions, MapInfo, checked

MAP_HASH, MAP_ARRAY = 1, 2
INNER_MAP = 1 << 12


class Map:
    """A file descriptor of a map; closed with `close` or at the end of a `with` block."""

    def __init__(self, fd: int, name: str, *, owned: bool = True) -> None:
        self.fd = fd
        self.name = name
        self._owned = owned
        info, size = MapInfo(), c_uint32(sizeof(MapInfo))
        checked(lib.info(fd, byref(info), byref(size)), f"map {name}: ask for its shape")
        self.id: int = info.id
        self.type: int = info.type
        self.key_size: int = info.key_size
        self.value_size: int = info.value_size
        self.max_entries: int = info.max_entries

    @classmethod
    def create(cls, kind: int, name: str, key_size: int, value_size: int, entries: int, flags: int = 0) -> Map:
        """A new map without a pin; it lives as long as this or another map holds it."""
        options = MapCreateOptions(sz=sizeof(MapCreateOptions), map_flags=flags)
        asked = f"create map {name} of {entries} entries"
        fd = checked(lib.create(kind, name.encode()[:15], key_size, value_size, entries, byref(options)), asked)
        return cls(fd, name)

    @classmethod
    def pinned(cls, path: str) -> Map:
        """The map behind a pin."""
        return cls(checked(lib.obj_get(path.encode()), f"open {path}"), path.rsplit("/", 1)[-1])

    @classmethod
    def of_id(cls, number: int, name: str) -> Map:
        """The map with an id, as a map of maps answers it."""
        return cls(checked(lib.map_by_id(number), f"open map {name} (id {number})"), name)

    @property
    def memory(self) -> int:
        """Bytes that the kernel charges for it, 0 where it does not say."""
        with open(f"/proc/self/fdinfo/{self.fd}", encoding="ascii") as lines:  # noqa: PTH123  no Path of ours
            for line in lines:
                name, _, value = line.partition(":")
                if name == "memlock":
                    return int(value)
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._owned and self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def pin(self, path: str) -> None:
        checked(lib.obj_pin(self.fd, path.encode()), f"pin map {self.name} at {path}")

    def set(self, key: bytes, value: bytes, flags: int = 0) -> None:
        self._fits(key)
        checked(lib.update(self.fd, key, value, flags), f"map {self.name}: write an entry")

    def set_all(self, keys: bytes, values: bytes) -> None:
        """Entries given as keys and values, each laid end to end; one system call for all."""
        count = c_uint32(len(keys) // self.key_size)
        wanted = count.value
        if not wanted:
            return
        asked = f"map {self.name}: write {wanted} entries"
        checked(lib.update_batch(self.fd, keys, values, byref(count), None), asked)
        if count.value != wanted:
            raise KernelError(errno.EIO, f"{asked}: {count.value} were written")

    def get(self, key: bytes, size: int = 0) -> bytes | None:
        """The value of a key, None when there is none; `size` is that of all processors' values together."""
        value = create_string_buffer(size or self.value_size)
        result = lib.lookup(self.fd, key, value)
        if result == -errno.ENOENT:
            return None
        checked(result, f"map {self.name}: read an entry")
        return value.raw

    def dump(self) -> tuple[bytes, bytes]:
        """Keys and values of a hash map or an array, each laid end to end, in the kernel's order; one call for all."""
        room = self.max_entries
        keys, values = create_string_buffer(room * self.key_size), create_string_buffer(room * self.value_size)
        found = b"", b""
        at, count = c_uint32(), c_uint32(room)
        start: object = None
        while True:
            result = lib.lookup_batch(self.fd, start, byref(at), keys, values, byref(count), None)
            if result != -errno.ENOENT:
                checked(result, f"map {self.name}: read all entries")
            own = keys.raw[: count.value * self.key_size], values.raw[: count.value * self.value_size]
            found = found[0] + own[0], found[1] + own[1]
            # the kernel says so when it has come to the end
            if result == -errno.ENOENT:
                return found
            start, count.value = byref(at), room

    def delete(self, key: bytes) -> bool:
        """Whether there was such an entry."""
        result = lib.delete(self.fd, key)
        if result == -errno.ENOENT:
            return False
        checked(result, f"map {self.name}: remove an entry")
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys; entries that are removed meanwhile may start it over."""
        key: bytes | None = None
        while True:
            after = create_string_buffer(self.key_size)
            result = lib.next_key(self.fd, key, after)
            if result == -errno.ENOENT:
                return
            checked(result, f"map {self.name}: list its keys")
            key = after.raw
            yield key

    def _fits(self, key: bytes) -> None:
        if len(key) != self.key_size:
            raise ValueError(f"map {self.name} has keys of {self.key_size} bytes, not {len(key)}")


def processors() -> int:
    """Possible processors: what a value of a per-processor map is multiplied by."""
    return checked(lib.processors(), "ask for the number of processors")
