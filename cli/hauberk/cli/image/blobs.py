"""Where the parts of a stored image are: files of a layout folder, or members of an archive that is not unpacked."""

from __future__ import annotations

import json
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import IO, Any, Protocol, Self, cast

from hauberk.cli.image.limits import (
    MAX_ARCHIVE_MEMBERS,
    MAX_JSON,
    MAX_PACKED,
    MIB,
    HeaderBudget,
    ImageError,
    damaged,
    refused,
)
from hauberk.cli.image.opening import file_below, pieces_of, said
from hauberk.cli.image.streams import verified
from hauberk.cli.sources import displayed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_LINKS = 8


class Blobs(Protocol):
    """Parts by name, `/` between components."""

    def has(self, name: str) -> bool: ...

    def open(self, name: str) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Size in bytes, and the bytes; raises ImageError when there is no such part."""
        ...


def read_json(blobs: Blobs, name: str, digest: str | None = None) -> Any:
    """A description; raises ImageError when it is none, too large, or not what the digest says."""
    with blobs.open(name) as (size, pieces):
        if size > MAX_JSON:
            raise refused(f"{name} has {size} bytes", f"{MAX_JSON} of a description")
        text = b"".join(verified(pieces, digest, name))
    if len(text) != size:
        raise damaged(f"{name} ends too early")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"{name} is not JSON ({type(error).__name__})") from None


def blob_name(digest: object) -> str:
    """`blobs/sha256/...`; raises ImageError for a digest of another form: it is a path that others chose."""
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ImageError(
            f"the digest {displayed(str(digest))[:100]} is not of the form sha256:<64 digits>: save the image again"
        )
    return f"blobs/{digest.replace(':', '/')}"


class FolderBlobs:
    """An OCI image layout as a folder."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._total = 0

    def has(self, name: str) -> bool:
        return os.path.lexists(f"{self._root}/{name}")

    @contextmanager
    def open(self, name: str) -> Generator[tuple[int, Iterator[bytes]], None, None]:
        try:
            with file_below(self._root, name) as (descriptor, size):
                self._total += size
                if self._total > MAX_PACKED:
                    raise refused("its parts are too large", f"{MAX_PACKED // MIB} MiB")
                yield size, pieces_of(descriptor, 0, size)
        except OSError as error:
            raise said(name, error) from None


class ArchiveBlobs:
    """A tar archive of such parts; closes the file at the end of its `with`."""

    def __init__(self, path: str) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror}") from None
        try:
            self._parts = self._indexed()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def has(self, name: str) -> bool:
        return name in self._parts

    @contextmanager
    def open(self, name: str) -> Generator[tuple[int, Iterator[bytes]], None, None]:
        found: tuple[int, int] | str | None = name
        for _ in range(_MAX_LINKS):
            if not isinstance(found, str):
                break
            found = self._parts.get(found)
        if not isinstance(found, tuple):
            raise damaged(f"{displayed(name)} is missing in the archive")
        yield found[1], pieces_of(self._descriptor, *found)

    def _indexed(self) -> dict[str, tuple[int, int] | str]:
        """Place and size of each member, or the member that it links to."""
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("is not a regular file: name an archive, a layout folder or a root folder")
        if status.st_size > MAX_PACKED:
            raise refused("the archive is too large", f"{MAX_PACKED // MIB} MiB")
        if os.pread(self._descriptor, 2, 0) == b"\x1f\x8b":
            raise ImageError("is compressed as a whole: run gunzip on it first")
        parts: dict[str, tuple[int, int] | str] = {}
        file = _Headers(self._descriptor, status.st_size)
        try:
            # untyped, as what it keeps of every member is to be dropped and the stubs do not know of that
            archive: Any = tarfile.open(fileobj=cast("IO[bytes]", file), mode="r:")  # noqa: SIM115  # ours to close
            while (member := archive.next()) is not None:
                archive.members.clear()
                file.next_header()
                _index(parts, member)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise damaged(f"is not a valid tar archive ({error})") from None
        if file.last.strip(b"\0") or not file.last:
            raise damaged("the archive ends too early")
        return parts


def _index(parts: dict[str, tuple[int, int] | str], member: tarfile.TarInfo) -> None:
    name = _member_name(member.name, "")
    if member.isdir():
        return
    if name in parts or len(parts) >= MAX_ARCHIVE_MEMBERS:
        if name in parts:
            raise damaged(f"{displayed(name)} is in the archive twice")
        raise refused("the archive has too many members", str(MAX_ARCHIVE_MEMBERS))
    if member.issym():
        parts[name] = _member_name(member.linkname, posixpath.dirname(name))
    elif member.islnk():
        parts[name] = _member_name(member.linkname, "")
    elif member.isreg() and member.sparse is None and member.size >= 0:
        parts[name] = (member.offset_data, member.size)


def _member_name(name: str, folder: str) -> str:
    full = posixpath.normpath(posixpath.join(folder, name))
    if name.startswith("/") or full.startswith("../") or full == "..":
        raise ImageError(f"{displayed(name)} leads out of the archive: do not use this image")
    return full


class _Headers:
    """The archive as the file that tarfile reads headers from; `last` is what it read last."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._at = 0
        self._budget = HeaderBudget()
        self.last = b""

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = 0) -> int:
        # headers only lead on; one that leads back would be read for ever
        if whence or position < self._at:
            raise damaged("the archive has a member of negative or impossible size")
        self._at = min(position, self._size)
        return self._at

    def next_header(self) -> None:
        self._budget = HeaderBudget()

    def read(self, size: int = -1) -> bytes:
        self._budget.spend(size)
        self.last = os.pread(self._descriptor, size, self._at)
        self._at += len(self.last)
        return self.last
