"""The system's `libbpf.so.1`, typed: every call that the enforcer makes, and each failure an exception.

Prototypes follow libbpf 1.1's headers (`bpf/libbpf.h`, `bpf/bpf.h`), the oldest that is supported. Loaded when the
module is imported for the first time, so import it late.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from hauberk.enforcer.kernel.errors import KernelError

_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_U32, _U64, _SIZE = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t

_LIBRARY = "libbpf.so.1"
_LOG_BYTES = 1 << 20
_LOG_LINES = 30

MAP_HASH, MAP_ARRAY = 1, 2
INNER_MAP = 1 << 12
NO_REPLACE = 1  # BPF_NOEXIST


_PRINT = ctypes.CFUNCTYPE(_INT, _INT, _TEXT, _POINTER)
_SAMPLE = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _SIZE)


class _Library:
    """Functions by name, each with its prototype; the log of the calls of this process."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY, use_errno=True)
            self._format = ctypes.CDLL(None).vsnprintf
        except OSError as error:
            raise KernelError(errno.ENOENT, f"{_LIBRARY} cannot be loaded (Debian: libbpf1): {error}") from error
        self._format.argtypes = [ctypes.c_char_p, _SIZE, _TEXT, _POINTER]
        self.lines: list[str] = []
        # kept for as long as the library calls it
        self._printer = _PRINT(self._print)
        self.call("libbpf_set_print", _POINTER, _POINTER)(ctypes.cast(self._printer, _POINTER))

    def _print(self, level: int, form: bytes, arguments: int) -> int:
        if level <= 1:
            buffer = ctypes.create_string_buffer(_LOG_BYTES)
            self._format(buffer, len(buffer), form, arguments)
            self.lines += buffer.value.decode(errors="replace").splitlines()
            del self.lines[:-_LOG_LINES]
        return 0

    def call(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        function = getattr(self._library, name)
        function.restype, function.argtypes = result, list(arguments)
        return function  # type: ignore[no-any-return]

    def take_lines(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


_LIB = _Library()
_major = _LIB.call("libbpf_major_version", _U32)
_minor = _LIB.call("libbpf_minor_version", _U32)
_open_file = _LIB.call("bpf_object__open_file", _POINTER, _TEXT, _POINTER)
_load = _LIB.call("bpf_object__load", _INT, _POINTER)
_close = _LIB.call("bpf_object__close", None, _POINTER)
_next_program = _LIB.call("bpf_object__next_program", _POINTER, _POINTER, _POINTER)
_next_map = _LIB.call("bpf_object__next_map", _POINTER, _POINTER, _POINTER)
_program_name = _LIB.call("bpf_program__name", _TEXT, _POINTER)
_set_autoload = _LIB.call("bpf_program__set_autoload", _INT, _POINTER, ctypes.c_bool)
_attach = _LIB.call("bpf_program__attach", _POINTER, _POINTER)
_link_pin = _LIB.call("bpf_link__pin", _INT, _POINTER, _TEXT)
_link_destroy = _LIB.call("bpf_link__destroy", _INT, _POINTER)
_map_name = _LIB.call("bpf_map__name", _TEXT, _POINTER)
_map_fd = _LIB.call("bpf_map__fd", _INT, _POINTER)
_map_set_max_entries = _LIB.call("bpf_map__set_max_entries", _INT, _POINTER, _U32)
_map_initial_value = _LIB.call("bpf_map__initial_value", _POINTER, _POINTER, ctypes.POINTER(_SIZE))
_map_set_initial_value = _LIB.call("bpf_map__set_initial_value", _INT, _POINTER, _POINTER, _SIZE)
_map_reuse_fd = _LIB.call("bpf_map__reuse_fd", _INT, _POINTER, _INT)
_obj_pin = _LIB.call("bpf_obj_pin", _INT, _INT, _TEXT)
_obj_get = _LIB.call("bpf_obj_get", _INT, _TEXT)
_create = _LIB.call("bpf_map_create", _INT, _INT, _TEXT, _U32, _U32, _U32, _POINTER)
_update = _LIB.call("bpf_map_update_elem", _INT, _INT, _POINTER, _POINTER, _U64)
_lookup = _LIB.call("bpf_map_lookup_elem", _INT, _INT, _POINTER, _POINTER)
_delete = _LIB.call("bpf_map_delete_elem", _INT, _INT, _POINTER)
_next_key = _LIB.call("bpf_map_get_next_key", _INT, _INT, _POINTER, _POINTER)
_update_batch = _LIB.call("bpf_map_update_batch", _INT, _INT, _POINTER, _POINTER, ctypes.POINTER(_U32), _POINTER)
_map_by_id = _LIB.call("bpf_map_get_fd_by_id", _INT, _U32)
_info = _LIB.call("bpf_obj_get_info_by_fd", _INT, _INT, _POINTER, ctypes.POINTER(_U32))
_program_by_id = _LIB.call("bpf_prog_get_fd_by_id", _INT, _U32)
_ring_new = _LIB.call("ring_buffer__new", _POINTER, _INT, _SAMPLE, _POINTER, _POINTER)
_ring_poll = _LIB.call("ring_buffer__poll", _INT, _POINTER, _INT)
_ring_free = _LIB.call("ring_buffer__free", None, _POINTER)
_processors = _LIB.call("libbpf_num_possible_cpus", _INT)


def _checked(result: int | None, asked: str) -> int:
    """The result of a call; libbpf 1.x answers NULL with errno set, or a negative errno."""
    lines = _LIB.take_lines()
    if result is None:
        raise KernelError(ctypes.get_errno(), asked, lines)
    if result < 0:
        raise KernelError(-result, asked, lines)
    return result


@contextmanager
def _undisturbed() -> Generator[None]:
    """Keeps an interrupt for the end: one that is raised in a function that C calls would be lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class MapCreateOptions(ctypes.Structure):
    """The head of `struct bpf_map_create_opts` (bpf/bpf.h): what is not set here is zero."""

    _fields_ = (
        ("sz", _SIZE),
        ("btf_fd", _U32),
        ("btf_key_type_id", _U32),
        ("btf_value_type_id", _U32),
        ("btf_vmlinux_value_type_id", _U32),
        ("inner_map_fd", _U32),
        ("map_flags", _U32),
        ("map_extra", _U64),
        ("numa_node", _U32),
        ("map_ifindex", _U32),
    )


class OpenOptions(ctypes.Structure):
    """The head of `struct bpf_object_open_opts` (bpf/libbpf.h)."""

    _fields_ = (("sz", _SIZE), ("object_name", _TEXT))


class LinkInfo(ctypes.Structure):
    """The head of `struct bpf_link_info` (uapi/linux/bpf.h)."""

    _fields_ = (("type", _U32), ("id", _U32), ("prog_id", _U32), ("rest", ctypes.c_char * 52))


class MapInfo(ctypes.Structure):
    """The head of `struct bpf_map_info` (uapi/linux/bpf.h)."""

    _fields_ = (
        ("type", _U32),
        ("id", _U32),
        ("key_size", _U32),
        ("value_size", _U32),
        ("max_entries", _U32),
        ("map_flags", _U32),
        ("name", ctypes.c_char * 16),
        ("rest", ctypes.c_char * 64),
    )


class Map:
    """A file descriptor of a map; closed with `close` or at the end of a `with` block."""

    def __init__(self, fd: int, name: str, *, owned: bool = True) -> None:
        self.fd = fd
        self.name = name
        self._owned = owned
        info, size = MapInfo(), _U32(ctypes.sizeof(MapInfo))
        _checked(_info(fd, ctypes.byref(info), ctypes.byref(size)), f"map {name}: ask for its shape")
        self.id: int = info.id
        self.type: int = info.type
        self.key_size: int = info.key_size
        self.value_size: int = info.value_size
        self.max_entries: int = info.max_entries

    @classmethod
    def create(cls, kind: int, name: str, key_size: int, value_size: int, entries: int, flags: int = 0) -> Map:
        """A new map without a pin; it lives as long as this or another map holds it."""
        options = MapCreateOptions(sz=ctypes.sizeof(MapCreateOptions), map_flags=flags)
        asked = f"create map {name} of {entries} entries"
        fd = _checked(_create(kind, name.encode()[:15], key_size, value_size, entries, ctypes.byref(options)), asked)
        return cls(fd, name)

    @classmethod
    def pinned(cls, path: str) -> Map:
        """The map behind a pin."""
        return cls(_checked(_obj_get(path.encode()), f"open {path}"), path.rsplit("/", 1)[-1])

    @classmethod
    def of_id(cls, number: int, name: str) -> Map:
        """The map with an id, as a map of maps answers it."""
        return cls(_checked(_map_by_id(number), f"open map {name} (id {number})"), name)

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
        _checked(_obj_pin(self.fd, path.encode()), f"pin map {self.name} at {path}")

    def set(self, key: bytes, value: bytes, flags: int = 0) -> None:
        self._fits(key)
        _checked(_update(self.fd, key, value, flags), f"map {self.name}: write an entry")

    def set_all(self, keys: bytes, values: bytes) -> None:
        """Entries given as keys and values, each laid end to end; one system call for all."""
        count = _U32(len(keys) // self.key_size)
        wanted = count.value
        if not wanted:
            return
        asked = f"map {self.name}: write {wanted} entries"
        _checked(_update_batch(self.fd, keys, values, ctypes.byref(count), None), asked)
        if count.value != wanted:
            raise KernelError(errno.EIO, f"{asked}: {count.value} were written")

    def get(self, key: bytes, size: int = 0) -> bytes | None:
        """The value of a key, None when there is none; `size` is that of all processors' values together."""
        value = ctypes.create_string_buffer(size or self.value_size)
        result = _lookup(self.fd, key, value)
        if result == -errno.ENOENT:
            return None
        _checked(result, f"map {self.name}: read an entry")
        return value.raw

    def delete(self, key: bytes) -> bool:
        """Whether there was such an entry."""
        result = _delete(self.fd, key)
        if result == -errno.ENOENT:
            return False
        _checked(result, f"map {self.name}: remove an entry")
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys; entries that are removed meanwhile may start it over."""
        key: bytes | None = None
        while True:
            after = ctypes.create_string_buffer(self.key_size)
            result = _next_key(self.fd, key, after)
            if result == -errno.ENOENT:
                return
            _checked(result, f"map {self.name}: list its keys")
            key = after.raw
            yield key

    def _fits(self, key: bytes) -> None:
        if len(key) != self.key_size:
            raise ValueError(f"map {self.name} has keys of {self.key_size} bytes, not {len(key)}")


class Link:
    """A program at work; ends with `detach` unless it is pinned."""

    def __init__(self, pointer: int, program: str) -> None:
        self._pointer = pointer
        self.program = program

    def pin(self, path: str) -> None:
        _checked(_link_pin(self._pointer, path.encode()), f"pin program {self.program} at {path}")

    def release(self) -> None:
        """Lets go; a pinned link stays at work."""
        if self._pointer:
            _link_destroy(self._pointer)
            self._pointer = 0


class Object:
    """A compiled object: open, adjusted, loaded, attached, in this order.

    Its sections of data are maps named after `name`, whatever the file is called.
    """

    def __init__(self, path: str, name: str) -> None:
        options = OpenOptions(sz=ctypes.sizeof(OpenOptions), object_name=name.encode())
        self._pointer = _checked(_open_file(os.fsencode(path), ctypes.byref(options)), f"open {path}")
        self._maps = dict(self._each(_next_map, _map_name))
        self._programs = dict(self._each(_next_program, _program_name))

    def _each(self, following: Callable[..., Any], name: Callable[..., Any]) -> Iterator[tuple[str, int]]:
        pointer = following(self._pointer, None)
        while pointer:
            yield name(pointer).decode(), pointer
            pointer = following(self._pointer, pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._pointer:
            _close(self._pointer)
            self._pointer = 0

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self._programs)

    @property
    def map_names(self) -> tuple[str, ...]:
        return tuple(self._maps)

    def leave_out(self, program: str) -> None:
        """A program that is not loaded on this kernel."""
        _checked(_set_autoload(self._programs[program], False), f"leave out program {program}")

    def set_entries(self, name: str, entries: int) -> None:
        _checked(_map_set_max_entries(self._maps[name], entries), f"map {name}: set its size to {entries}")

    def initial(self, name: str) -> bytes:
        """The initial bytes of a section of data."""
        size = _SIZE()
        pointer = _map_initial_value(self._maps[name], ctypes.byref(size))
        if not pointer:
            raise KernelError(errno.EINVAL, f"map {name} has no initial value")
        return ctypes.string_at(pointer, size.value)

    def set_initial(self, name: str, data: bytes) -> None:
        _checked(_map_set_initial_value(self._maps[name], data, len(data)), f"map {name}: set its initial value")

    def reuse(self, name: str, existing: Map) -> None:
        """Lets the programs work on a map that is there already."""
        _checked(_map_reuse_fd(self._maps[name], existing.fd), f"map {name}: take over the one that is pinned")

    def load(self) -> None:
        """Has the kernel verify all programs.

        Raises:
            KernelError: with the verifier's last lines.

        """
        with _undisturbed():
            result = _load(self._pointer)
        _checked(result, "load the programs")

    def map(self, name: str) -> Map:
        """The map as long as this object is open."""
        return Map(_checked(_map_fd(self._maps[name]), f"map {name}"), name, owned=False)

    def attach(self, program: str) -> Link:
        return Link(_checked(_attach(self._programs[program]), f"attach program {program}"), program)


class Ring:
    """Reads a ring buffer: `poll` hands each record's bytes to `handle`."""

    def __init__(self, records: Map, handle: Callable[[bytes], None]) -> None:
        self._failure: BaseException | None = None

        def sample(_: int, data: int, size: int) -> int:
            try:
                handle(ctypes.string_at(data, size))
            except BaseException as error:  # noqa: BLE001  cannot cross C; raised again by poll
                self._failure = error
                return -errno.ECANCELED
            return 0

        self._sample = _SAMPLE(sample)
        self._pointer = _checked(_ring_new(records.fd, self._sample, None, None), "open the ring of records")

    def poll(self, milliseconds: int) -> int:
        """How many records were handled; waits for the first, and an interrupt for the end of that."""
        with _undisturbed():
            result = _ring_poll(self._pointer, milliseconds)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if result == -errno.EINTR:
            return 0
        return _checked(result, "read the ring of records")

    def close(self) -> None:
        if self._pointer:
            _ring_free(self._pointer)
            self._pointer = 0


def processors() -> int:
    """Possible processors: what a value of a per-processor map is multiplied by."""
    return _checked(_processors(), "ask for the number of processors")


def version() -> tuple[int, int]:
    """Of the library."""
    return _major(), _minor()


def program_of_link(path: str) -> int:
    """The id of the program that a pinned link holds."""
    asked = f"open {path}"
    fd = _checked(_obj_get(os.fsencode(path)), asked)
    try:
        info, size = LinkInfo(), _U32(ctypes.sizeof(LinkInfo))
        _checked(_info(fd, ctypes.byref(info), ctypes.byref(size)), asked)
        return int(info.prog_id)
    finally:
        os.close(fd)


def is_loaded(program: int) -> bool:
    """Whether the kernel still has a program of this id."""
    result = _program_by_id(program)
    if result == -errno.ENOENT:
        return False
    os.close(_checked(result, f"open program {program}"))
    return True
