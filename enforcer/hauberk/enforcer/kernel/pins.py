"""The pins of programs at work: who removes one, or puts another thing in its place, is found out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.libbpf import Map, program_of_link


class Pins:
    """What is pinned in a folder when this is made, and after `renew`, is what is to be pinned there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: dict[str, Map] = {}
        self._programs: dict[str, int | None] = {}
        self.renew()

    def renew(self) -> None:
        """After programs were put in place.

        Raises:
            KernelError: what is pinned under a name of a map is none.

        """
        self.close()
        self._maps = {path.name: Map.pinned(str(path)) for path in sorted(self._maps_at.iterdir())}
        self._programs = {path.name: _program(path) for path in sorted(self._links_at.iterdir())}

    def close(self) -> None:
        for one in self._maps.values():
            one.close()

    def attached(self) -> tuple[str, ...]:
        """Names of the programs that judge: who removes the pin of a link ends its program."""
        if not self._links_at.is_dir():
            return ()
        return tuple(name for name, program in self._programs.items() if _program(self._links_at / name) == program)

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


def _program(link: Path) -> int | None:
    try:
        return program_of_link(str(link))
    except KernelError:
        return None


def _map(pin: Path) -> int | None:
    try:
        with Map.pinned(str(pin)) as found:
            return found.id
    except KernelError:
        return None
