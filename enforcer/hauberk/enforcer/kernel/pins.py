"""The pins of programs at work: who removes one, or puts another thing in its place, is found out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError, NotOursError
from hauberk.enforcer.kernel.libbpf import Map, about_program, program_of_link

_NAME_BYTES = 15
"""Of a program's or map's name that the kernel keeps (uapi/linux/bpf.h, BPF_OBJ_NAME_LEN, with its zero)."""


class Pins:
    """What is pinned in a folder when this is made, and after `renew`, is what is to be pinned there."""

    def __init__(self, folder: Path) -> None:
        """Raises as `renew`."""
        self._folder = folder
        self._maps: dict[str, Map] = {}
        self._programs: dict[str, int] = {}
        self.renew()

    def renew(self) -> None:
        """After programs were put in place. Links that do not hold the program of their name are taken for absent.

        Raises:
            KernelError: what is pinned under the name of a map is none.
            NotOursError: it is one that no program uses.

        """
        links = {path.name: _program(path) for path in sorted(self._links_at.iterdir())}
        programs = {name: found[0] for name, found in links.items() if found is not None}
        used = {number for found in links.values() if found is not None for number in found[1]}
        with ExitStack() as opened:
            maps: dict[str, Map] = {}
            for path in sorted(self._maps_at.iterdir()):
                maps[path.name] = opened.enter_context(Map.pinned(str(path)))
                if programs and maps[path.name].id not in used:
                    raise NotOursError(f"{path} is not the map of the programs: unload them and load them again")
            opened.pop_all()
        self.close()
        self._maps, self._programs = maps, programs

    def close(self) -> None:
        for one in self._maps.values():
            one.close()

    def attached(self) -> tuple[str, ...]:
        """Names of the programs that judge: who removes the pin of a link ends its program."""
        if not self._links_at.is_dir():
            return ()
        now = {name: _program(self._links_at / name) for name in self._programs}
        return tuple(name for name, found in now.items() if found is not None and found[0] == self._programs[name])

    def mended(self) -> Iterator[str]:
        """Pins of maps that are not what they were: each is said, then put right from what is held open.

        The programs go on without them; the next daemon would not find them. Without links nothing is put right:
        then somebody unloads the programs.
        """
        for name, held in self._maps.items():
            path = self._maps_at / name
            if self._links_at.is_dir() and _map(path) != held.id:
                yield f"the pin of map {name} is {'another' if path.exists() else 'gone'}"
                self._maps_at.mkdir(mode=0o700, exist_ok=True)
                path.unlink(missing_ok=True)
                held.pin(str(path))

    @property
    def _maps_at(self) -> Path:
        return self._folder / "maps"

    @property
    def _links_at(self) -> Path:
        return self._folder / "links"


def _program(link: Path) -> tuple[int, frozenset[int]] | None:
    """The id of the program of this name that a link holds, and of the maps that it uses."""
    try:
        program = program_of_link(str(link))
        name, maps = about_program(program)
    except KernelError:
        return None
    return (program, maps) if name == link.name[:_NAME_BYTES] else None


def _map(pin: Path) -> int | None:
    try:
        with Map.pinned(str(pin)) as found:
            return found.id
    except KernelError:
        return None
