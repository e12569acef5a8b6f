"""Which files the dynamic loader opens for a program: its own and all libraries, as glibc and musl look them up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice

from hauberk.policy.imagepaths import file_at, resolve
from hauberk.policy.images import Elf, FileKind, Image
from hauberk.policy.problems import HauberkError

MAX_LIBRARIES = 1000
_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf", "i386-linux-gnu", "riscv64-linux-gnu")
_GLIBC = (
    *(f"{folder}/{triplet}" for triplet in _TRIPLETS for folder in ("/lib", "/usr/lib")),
    *("/lib64", "/usr/lib64", "/lib", "/usr/lib"),
)
_MUSL = ("/lib", "/usr/local/lib", "/usr/lib")
# musl has these in its loader and never opens them (ldso/dynlink.c)
_MUSL_OWN = tuple(f"lib{name}." for name in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))
_MAX_CONFIGURATIONS = 64
_MAX_FOLDERS = 1024
_MAX_TRIES = 1_000_000
"""Paths that are tried for one image in all, some twenty seconds; a usual program needs a hundred."""


@dataclass(frozen=True, slots=True)
class Loads:
    """Real paths: `interpreter` None for a static program; `missing` are names without a file in the image."""

    interpreter: str | None
    libraries: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Loader:
    """The lookups of one image; answers are kept, as many programs need the same."""

    image: Image
    library_path: str = ""
    _loads: dict[str, Loads | None] = field(default_factory=dict[str, "Loads | None"])
    _configured: tuple[str, ...] | None = None
    _tries: int = 0

    def loads(self, program: str) -> Loads | None:
        """What is opened besides the program (a real path) itself; None when it is no ELF file.

        Raises HauberkError when the image makes the look-up take too long.
        """
        if program not in self._loads:
            content = self.image.content(program)
            self._loads[program] = self._compute(program, content) if isinstance(content, Elf) else None
        return self._loads[program]

    def _compute(self, program: str, elf: Elf) -> Loads:
        if elf.interpreter is None:
            return Loads(None)
        place = file_at(self.image, elf.interpreter)
        if place is None:
            return Loads(None, (), (elf.interpreter,))
        musl = elf.interpreter.rpartition("/")[2].startswith("ld-musl-")
        found: dict[str, None] = {}
        missing: dict[str, None] = {}
        seen: set[str] = set()
        # each with the folders that its own RPATH and those of its loaders give
        waiting: list[tuple[str, Elf, tuple[str, ...]]] = [(program, elf, ())]
        while waiting and len(seen) < MAX_LIBRARIES:
            path, current, inherited = waiting.pop(0)
            own = _expanded(current.rpath, path) if musl or not current.runpath else ()
            runpath = _expanded(current.runpath, path)
            folders = self._folders((*own, *inherited), runpath, elf, musl=musl)
            for name in current.needed:
                if name in seen or (musl and name.startswith(_MUSL_OWN)):
                    continue
                seen.add(name)
                library = self._find(name, folders, path, elf.machine)
                if library is None:
                    missing[name] = None
                elif library[0] != place.path and library[0] not in found:
                    found[library[0]] = None
                    waiting.append((*library, (*own, *(runpath if musl else ()), *inherited)[:_MAX_FOLDERS]))
        return Loads(place.path, tuple(found), tuple(missing))

    def _folders(self, rpath: tuple[str, ...], runpath: tuple[str, ...], elf: Elf, *, musl: bool) -> tuple[str, ...]:
        environment = tuple(folder for folder in self.library_path.split(":")[:_MAX_FOLDERS] if folder.startswith("/"))
        if musl:
            return (*environment, *rpath, *runpath, *(self._musl_folders(elf) or _MUSL))
        if self._configured is None:
            self._configured = tuple(islice(self._configuration("/etc/ld.so.conf", set()), _MAX_FOLDERS))
        return (*rpath, *environment, *runpath, *self._configured, *_GLIBC)

    def _musl_folders(self, elf: Elf) -> tuple[str, ...]:
        name = (elf.interpreter or "").rpartition("/")[2].split(".")[0]
        place = file_at(self.image, f"/etc/{name}.path")
        text = self.image.text(place.path) if place else ""
        return tuple(folder for folder in text.replace("\n", ":").split(":") if folder.startswith("/"))

    def _configuration(self, path: str, seen: set[str]) -> Iterator[str]:
        """The folders of an ld.so.conf and the files that it includes."""
        place = file_at(self.image, path)
        if place is None or place.path in seen or len(seen) == _MAX_CONFIGURATIONS:
            return
        seen.add(place.path)
        for line in self.image.text(place.path).splitlines():
            words = line.partition("#")[0].split()
            if not words:
                continue
            if words[0] == "include":
                for pattern in words[1:]:
                    for included in self._matching(pattern):
                        yield from self._configuration(included, seen)
            elif words[0].startswith("/"):
                yield words[0].split("=")[0].rstrip("/") or "/"

    def _matching(self, pattern: str) -> Iterator[str]:
        pattern = pattern if pattern.startswith("/") else f"/etc/{pattern}"
        folder, _, name = pattern.rpartition("/")
        place = resolve(self.image, folder or "/")
        if place is not None and place.entry is not None and place.entry.kind is FileKind.DIRECTORY:
            yield from (f"{place.path}/{one}" for one in self.image.names(place.path) if fnmatchcase(one, name))

    def _find(self, name: str, folders: tuple[str, ...], loader: str, machine: str) -> tuple[str, Elf] | None:
        # a name with a slash is a path; the loader's folder stands in for the working directory, which is not known
        tries = _expanded((name,), loader) if "/" in name else tuple(f"{folder}/{name}" for folder in folders)
        for path in tries:
            self._tries += 1
            if self._tries > _MAX_TRIES:
                raise HauberkError(
                    f"looking up the libraries of {loader} takes more than {_MAX_TRIES} steps: leave out its image"
                )
            place = file_at(self.image, path)
            content = self.image.content(place.path) if place is not None else None
            if place is not None and isinstance(content, Elf) and content.machine == machine:
                return place.path, content
        return None


def _expanded(folders: tuple[str, ...], path: str) -> tuple[str, ...]:
    """$ORIGIN is the folder of the file that says it; what else a loader would put in is not known here."""
    origin = path.rpartition("/")[0] or "/"
    found: list[str] = []
    for folder in folders:
        full = folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
        if full.startswith("/") and "$" not in full:
            found.append(full)
    return tuple(found)
