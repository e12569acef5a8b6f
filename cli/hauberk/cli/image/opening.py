"""Opening files below a folder without following a link anywhere on the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from hauberk.cli.image.limits import MIB, ImageError

_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
# not blocking: a pipe without a writer must not stop the run before it is known to be one
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def folder_below(root: str, name: str) -> Generator[int, None, None]:
    """A descriptor of the folder `name` (components, `/` between them) below `root`.

    Raises OSError: ENOTDIR or ELOOP where a link or file is on the way.
    """
    descriptor = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for part in name.split("/"):
            if part:
                below = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def file_below(root: str, name: str) -> Generator[tuple[int, int], None, None]:
    """Descriptor and size in bytes of a regular file; raises ImageError for what is none, OSError as above."""
    parent, _, last = name.rpartition("/")
    with folder_below(root, parent) as folder:
        descriptor = os.open(last, _FILE, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{name} is not a regular file: copy the image again")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


def pieces_of(descriptor: int, start: int, size: int) -> Iterator[bytes]:
    """`size` bytes from `start` on, fewer when the file is shorter."""
    while size > 0:
        piece = os.pread(descriptor, min(size, MIB), start)
        if not piece:
            return
        yield piece
        start += len(piece)
        size -= len(piece)


def said(name: str, error: OSError) -> ImageError:
    """What the user can do about a file that cannot be opened."""
    if error.errno == errno.ELOOP:
        return ImageError(f"{name} is a symbolic link, which is not followed: copy the image with cp -rL")
    if error.errno == errno.ENOTDIR:
        return ImageError(f"{name} is not below real folders (a symbolic link?): copy the image with cp -rL")
    if error.errno == errno.ENOENT:
        return ImageError(f"{name} is missing: copy the whole image again")
    return ImageError(f"{name} cannot be read: {error.strerror}")
