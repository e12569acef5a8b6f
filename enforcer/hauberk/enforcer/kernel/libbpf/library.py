"""Every call of the library that the enforcer makes, with its prototype, and the structures that calls take.

They follow libbpf 1.1's headers (`bpf/libbpf.h`, `bpf/bpf.h`), the oldest that is supported.
"""

from __future__ import annotations

import ctypes
import errno
import threading
from collections.abc import Callable
from typing import Any

from hauberk.enforcer.kernel.errors import KernelError

_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_U32, _U64, _SIZE = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t

_LIBRARY = "libbpf.so.1"
_LOG_BYTES = 1 << 20
_LOG_LINES = 30


_PRINT = ctypes.CFUNCTYPE(_INT, _INT, _TEXT, _POINTER)
SAMPLE = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _SIZE)


class _Log(threading.local):
    """What the library said to the calls of one thread."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class _Library:
    """Functions by name, each with its prototype; the log of their calls."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY, use_errno=True)
            self._held = ctypes.PyDLL(_LIBRARY, use_errno=True)
            self._format = ctypes.CDLL(None).vsnprintf
        except OSError as error:
            raise KernelError(errno.ENOENT, f"{_LIBRARY} cannot be loaded (Debian: libbpf1): {error}") from error
        self._format.argtypes = [ctypes.c_char_p, _SIZE, _TEXT, _POINTER]
        self._log = _Log()
        # kept for as long as the library calls it
        self._printer = _PRINT(self._print)
        self.call("libbpf_set_print", _POINTER, _POINTER)(ctypes.cast(self._printer, _POINTER))

    def _print(self, level: int, form: bytes, arguments: int) -> int:
        if level <= 1:
            buffer = ctypes.create_string_buffer(_LOG_BYTES)
            self._format(buffer, len(buffer), form, arguments)
            self._log.lines += buffer.value.decode(errors="replace").splitlines()
            del self._log.lines[:-_LOG_LINES]
        return 0

    def call(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        """A function that asks the kernel: other threads go on meanwhile."""
        return self._typed(self._library, name, result, *arguments)

    def quick(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        """One that does not: to get Python's lock back from a thread that computes would take longer than the call."""
        return self._typed(self._held, name, result, *arguments)

    def _typed(self, library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
        return function  # type: ignore[no-any-return]

    def take_lines(self) -> list[str]:
        lines, self._log.lines = self._log.lines, []
        return lines


_LIB = _Library()
major = _LIB.quick("libbpf_major_version", _U32)
minor = _LIB.quick("libbpf_minor_version", _U32)
open_file = _LIB.call("bpf_object__open_file", _POINTER, _TEXT, _POINTER)
load = _LIB.call("bpf_object__load", _INT, _POINTER)
close = _LIB.call("bpf_object__close", None, _POINTER)
next_program = _LIB.quick("bpf_object__next_program", _POINTER, _POINTER, _POINTER)
next_map = _LIB.quick("bpf_object__next_map", _POINTER, _POINTER, _POINTER)
program_name = _LIB.quick("bpf_program__name", _TEXT, _POINTER)
set_autoload = _LIB.quick("bpf_program__set_autoload", _INT, _POINTER, ctypes.c_bool)
attach = _LIB.call("bpf_program__attach", _POINTER, _POINTER)
link_pin = _LIB.call("bpf_link__pin", _INT, _POINTER, _TEXT)
link_destroy = _LIB.call("bpf_link__destroy", _INT, _POINTER)
map_name = _LIB.quick("bpf_map__name", _TEXT, _POINTER)
map_fd = _LIB.quick("bpf_map__fd", _INT, _POINTER)
map_set_max_entries = _LIB.quick("bpf_map__set_max_entries", _INT, _POINTER, _U32)
map_initial_value = _LIB.quick("bpf_map__initial_value", _POINTER, _POINTER, ctypes.POINTER(_SIZE))
map_set_initial_value = _LIB.quick("bpf_map__set_initial_value", _INT, _POINTER, _POINTER, _SIZE)
map_reuse_fd = _LIB.call("bpf_map__reuse_fd", _INT, _POINTER, _INT)
obj_pin = _LIB.call("bpf_obj_pin", _INT, _INT, _TEXT)
obj_get = _LIB.call("bpf_obj_get", _INT, _TEXT)
create = _LIB.call("bpf_map_create", _INT, _INT, _TEXT, _U32, _U32, _U32, _POINTER)
update = _LIB.call("bpf_map_update_elem", _INT, _INT, _POINTER, _POINTER, _U64)
lookup = _LIB.call("bpf_map_lookup_elem", _INT, _INT, _POINTER, _POINTER)
delete = _LIB.call("bpf_map_delete_elem", _INT, _INT, _POINTER)
next_key = _LIB.call("bpf_map_get_next_key", _INT, _INT, _POINTER, _POINTER)
update_batch = _LIB.call("bpf_map_update_batch", _INT, _INT, _POINTER, _POINTER, ctypes.POINTER(_U32), _POINTER)
lookup_batch = _LIB.call(
    "bpf_map_lookup_batch", _INT, _INT, _POINTER, _POINTER, _POINTER, _POINTER, ctypes.POINTER(_U32), _POINTER
)
map_by_id = _LIB.call("bpf_map_get_fd_by_id", _INT, _U32)
info = _LIB.call("bpf_obj_get_info_by_fd", _INT, _INT, _POINTER, ctypes.POINTER(_U32))
program_by_id = _LIB.call("bpf_prog_get_fd_by_id", _INT, _U32)
ring_new = _LIB.call("ring_buffer__new", _POINTER, _INT, SAMPLE, _POINTER, _POINTER)
ring_poll = _LIB.call("ring_buffer__poll", _INT, _POINTER, _INT)
ring_free = _LIB.call("ring_buffer__free", None, _POINTER)
processors = _LIB.call("libbpf_num_possible_cpus", _INT)


def checked(result: int | None, asked: str) -> int:
    """The result of a call; libbpf 1.x answers NULL with errno set, or a negative errno."""
    lines = _LIB.take_lines()
    if result is None:
        raise KernelError(ctypes.get_errno(), asked, lines)
    if result < 0:
        raise KernelError(-result, asked, lines)
    return result


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


class ProgramInfo(ctypes.Structure):
    """The head of `struct bpf_prog_info` (uapi/linux/bpf.h): what is not set here is not asked for."""

    _fields_ = (
        ("head", ctypes.c_char * 52),
        ("map_count", _U32),
        ("maps", _U64),
        ("name", ctypes.c_char * 16),
    )


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
