"""Objects, their programs and links, and the ring that programs write to."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from ctypes import addressof, byref, c_size_t, c_uint32, sizeof, string_at
from typing import Any, Self

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.libbpf import library as lib
from hauberk.enforcer.kernel.libbpf.library import LinkInfo, OpenOptions, ProgramInfo, checked
from hauberk.enforcer.kernel.libbpf.maps import Map

_MOST_MAPS = 64
"""Of one program (kernel/bpf/verifier.c, MAX_USED_MAPS)."""


@contextmanager
def _undisturbed() -> Generator[None]:
    """Keeps an interrupt for the end: one that is raised in a function that C calls would be lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Link:
    """A program at work; ends with `detach` unless it is pinned."""

    def __init__(self, pointer: int, program: str) -> None:
        self._pointer = pointer
        self.program = program

    def pin(self, path: str) -> None:
        checked(lib.link_pin(self._pointer, path.encode()), f"pin program {self.program} at {path}")

    def release(self) -> None:
        """Lets go; a pinned link stays at work."""
        if self._pointer:
            lib.link_destroy(self._pointer)
            self._pointer = 0


class Object:
    """A compiled object: open, adjusted, loaded, attached, in this order.

    Its sections of data are maps named after `name`, whatever the file is called.
    """

    def __init__(self, path: str, name: str) -> None:
        options = OpenOptions(sz=sizeof(OpenOptions), object_name=name.encode())
        self._pointer = checked(lib.open_file(os.fsencode(path), byref(options)), f"open {path}")
        self._maps = dict(self._each(lib.next_map, lib.map_name))
        self._programs = dict(self._each(lib.next_program, lib.program_name))

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
            lib.close(self._pointer)
            self._pointer = 0

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self._programs)

    @property
    def map_names(self) -> tuple[str, ...]:
        return tuple(self._maps)

    def leave_out(self, program: str) -> None:
        """A program that is not loaded on this kernel."""
        checked(lib.set_autoload(self._programs[program], False), f"leave out program {program}")

    def set_entries(self, name: str, entries: int) -> None:
        checked(lib.map_set_max_entries(self._maps[name], entries), f"map {name}: set its size to {entries}")

    def initial(self, name: str) -> bytes:
        """The initial bytes of a section of data."""
        size = c_size_t()
        pointer = lib.map_initial_value(self._maps[name], byref(size))
        if not pointer:
            raise KernelError(errno.EINVAL, f"map {name} has no initial value")
        return string_at(pointer, size.value)

    def set_initial(self, name: str, data: bytes) -> None:
        checked(lib.map_set_initial_value(self._maps[name], data, len(data)), f"map {name}: set its initial value")

    def reuse(self, name: str, existing: Map) -> None:
        """Lets the programs work on a map that is there already."""
        checked(lib.map_reuse_fd(self._maps[name], existing.fd), f"map {name}: take over the one that is pinned")

    def load(self) -> None:
        """Has the kernel verify all programs.

        Raises:
            KernelError: with the verifier's last lines.

        """
        checked(lib.load(self._pointer), "load the programs")

    def map(self, name: str) -> Map:
        """The map as long as this object is open."""
        return Map(checked(lib.map_fd(self._maps[name]), f"map {name}"), name, owned=False)

    def attach(self, program: str) -> Link:
        return Link(checked(lib.attach(self._programs[program]), f"attach program {program}"), program)


class Ring:
    """Reads a ring buffer: `poll` hands each record's bytes to `handle`."""

    def __init__(self, records: Map, handle: Callable[[bytes], None]) -> None:
        self._failure: BaseException | None = None

        def sample(_: int, data: int, size: int) -> int:
            try:
                handle(string_at(data, size))
            except BaseException as error:  # noqa: BLE001  cannot cross C; raised again by poll
                self._failure = error
                return -errno.ECANCELED
            return 0

        self._sample = lib.SAMPLE(sample)
        self._pointer = checked(lib.ring_new(records.fd, self._sample, None, None), "open the ring of records")

    def poll(self, milliseconds: int) -> int:
        """How many records were handled; waits for the first, and an interrupt for the end of that."""
        with _undisturbed():
            result = lib.ring_poll(self._pointer, milliseconds)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if result == -errno.EINTR:
            return 0
        return checked(result, "read the ring of records")

    def close(self) -> None:
        if self._pointer:
            lib.ring_free(self._pointer)
            self._pointer = 0


def version() -> tuple[int, int]:
    """Of the library."""
    return lib.major(), lib.minor()


def program_of_link(path: str) -> int:
    """The id of the program that a pinned link holds."""
    asked = f"open {path}"
    fd = checked(lib.obj_get(os.fsencode(path)), asked)
    try:
        info, size = LinkInfo(), c_uint32(sizeof(LinkInfo))
        checked(lib.info(fd, byref(info), byref(size)), asked)
        return int(info.prog_id)
    finally:
        os.close(fd)


def about_program(program: int) -> tuple[str, frozenset[int]]:
    """The name of a program, of which the kernel keeps 15 characters, and the ids of the maps that it uses."""
    asked = f"open program {program}"
    fd = checked(lib.program_by_id(program), asked)
    try:
        maps = (c_uint32 * _MOST_MAPS)()
        info = ProgramInfo(map_count=_MOST_MAPS, maps=addressof(maps))
        checked(lib.info(fd, byref(info), byref(c_uint32(sizeof(ProgramInfo)))), asked)
        return info.name.decode(errors="replace"), frozenset(maps[: info.map_count])
    finally:
        os.close(fd)


def is_loaded(program: int) -> bool:
    """Whether the kernel still has a program of this id."""
    result = lib.program_by_id(program)
    if result == -errno.ENOENT:
        return False
    os.close(checked(result, f"open program {program}"))
    return True
