"""Container images as the facts see them: what stands at a path, what a program is, what the image starts.

Who reads archives and folders gives an `Image`; nothing here opens anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class FileKind(StrEnum):
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"
    """Devices, pipes and sockets."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What lstat says; `target` is the text of a link, `size` is in bytes."""

    kind: FileKind
    mode: int = 0o755
    size: int = 0
    target: str = ""

    @property
    def executable(self) -> bool:
        """By anybody: who will run it is not known."""
        return self.kind is FileKind.FILE and self.mode & 0o111 != 0


@dataclass(frozen=True, slots=True)
class Script:
    """The first line of a script; `argument` is all that follows the interpreter, "" for nothing."""

    interpreter: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Elf:
    """What the kernel and the dynamic loader read of a program or library.

    `machine` is equal for files that can be loaded together. `rpath` and `runpath` are lists of folders as written.
    """

    machine: str
    interpreter: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()


Content = Script | Elf | None
"""None: neither, or nothing that can be run."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the image says about its process; `path` and `library_path` are lists with colons."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    path: str = DEFAULT_PATH
    library_path: str = ""
    working_dir: str = "/"
    user: str = ""


class Image(Protocol):
    """One image. Paths given to it are absolute, and every parent in them is a real directory of the image.

    The methods may raise HauberkError where a folder cannot be read.
    """

    @property
    def config(self) -> ImageConfig:
        """A root folder has none of its own: the defaults."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What of the image was not looked into so far, a line each."""
        ...

    def entry(self, path: str) -> FileEntry | None:
        """What stands there, a link not followed; None for nothing."""
        ...

    def content(self, path: str) -> Content:
        """What the file there is."""
        ...

    def text(self, path: str) -> str:
        """The text of a small configuration file of the dynamic loader; "" for any other."""
        ...

    def names(self, path: str) -> Sequence[str]:
        """The names in a directory, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """An image name as manifests write it; None where it says nothing."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        rest, _, digest = text.partition("@")
        head, colon, tag = rest.rpartition(":")
        # the colon of a registry's port has a slash behind it
        if not colon or "/" in tag:
            head, tag = rest, ""
        return cls(head, tag or None, digest or None)

    def covers(self, other: Reference) -> bool:
        """Whether all that this name says is true of the other."""
        return (
            self.repository == other.repository
            and self.tag in (None, other.tag)
            and self.digest in (None, other.digest)
        )


@dataclass(frozen=True, slots=True)
class Images:
    """Images by the names that were given."""

    given: Mapping[str, Image] = field(default_factory=dict[str, Image])

    def of(self, reference: str) -> tuple[str, Image] | None:
        """The name and image of the container's `image:`; the name that says most is taken."""
        if not self.given or not reference:
            return None
        wanted = Reference.parse(reference)
        found = [name for name in self.given if Reference.parse(name).covers(wanted)]
        if not found:
            return None
        name = max(found, key=len)
        return name, self.given[name]


NO_IMAGES = Images()
