"""A root file system as a folder: looked at only where a policy asks, and never through a link of the folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from hauberk.cli.image.content import ELF_MAGIC, HEAD, content_of
from hauberk.cli.image.limits import MAX_ELF, MAX_LISTING, MAX_TEXT, MIB, ImageError
from hauberk.cli.image.opening import file_below, folder_below, pieces_of
from hauberk.cli.sources import displayed
from hauberk.policy.images import Content, FileEntry, FileKind, ImageConfig

_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class RootFolder:
    """It is what `hauberk.policy.images.Image` asks for; `label` begins its errors."""

    def __init__(self, root: str, label: str) -> None:
        self.config = ImageConfig()
        self.notes: list[str] = []
        self._root = root
        self._label = label
        self._entries: dict[str, FileEntry | None] = {}
        self._contents: dict[str, Content] = {}

    def entry(self, path: str) -> FileEntry | None:
        if path not in self._entries:
            self._entries[path] = self._looked_up(path)
        return self._entries[path]

    def content(self, path: str) -> Content:
        if path not in self._contents:
            data = self._read(path, MAX_ELF)
            self._contents[path] = content_of(data) if data is not None else None
        return self._contents[path]

    def text(self, path: str) -> str:
        data = self._read(path, MAX_TEXT, whole=True)
        return data.decode("utf-8", "surrogateescape") if data is not None else ""

    def names(self, path: str) -> Sequence[str]:
        try:
            with folder_below(self._root, path) as descriptor, os.scandir(descriptor) as listed:
                names = [entry.name for entry, _ in zip(listed, range(MAX_LISTING + 1), strict=False)]
        except OSError as error:
            raise self._unreadable(path, error) from None
        if len(names) > MAX_LISTING:
            raise ImageError(
                f"{self._label}: {displayed(path)} has more than {MAX_LISTING} files: is it a root folder?"
            )
        return sorted(names)

    def _looked_up(self, path: str) -> FileEntry | None:
        parent, _, name = path.rpartition("/")
        if not name:
            return FileEntry(FileKind.DIRECTORY)
        try:
            with folder_below(self._root, parent) as folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                mode = stat.S_IMODE(status.st_mode)
                if stat.S_ISLNK(status.st_mode):
                    return FileEntry(FileKind.LINK, mode, 0, os.readlink(name, dir_fd=folder))
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno in _NOTHING:  # ValueError: a NUL in the name
                return None
            raise self._unreadable(path, error) from None
        if stat.S_ISDIR(status.st_mode):
            return FileEntry(FileKind.DIRECTORY, mode)
        kind = FileKind.FILE if stat.S_ISREG(status.st_mode) else FileKind.OTHER
        return FileEntry(kind, mode, status.st_size)

    def _read(self, path: str, most: int, *, whole: bool = False) -> bytes | None:
        """The first bytes, all of an ELF file or where `whole`; None for what is over `most` bytes."""
        try:
            with file_below(self._root, path) as (descriptor, size):
                head = b"".join(pieces_of(descriptor, 0, min(size, HEAD)))
                if not whole and not head.startswith(ELF_MAGIC):
                    return head
                if size > most:
                    self.notes.append(f"{displayed(path)} is over {most // MIB} MiB: not looked into for libraries")
                    return None
                return b"".join(pieces_of(descriptor, 0, size))
        except OSError as error:
            raise self._unreadable(path, error) from None

    def _unreadable(self, path: str, error: OSError) -> ImageError:
        return ImageError(f"{self._label}: {displayed(path)} cannot be read: {error.strerror}; run as a user that may")
