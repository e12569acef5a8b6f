"""`--image NAME=PATH`: whatever the path is -> an image that facts can be computed from."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache

from hauberk.cli.image import elf, stored
from hauberk.cli.image.blobs import ArchiveBlobs, FolderBlobs
from hauberk.cli.image.limits import ImageError
from hauberk.cli.image.rootfs import RootFolder
from hauberk.cli.image.tree import Tree
from hauberk.cli.sources import displayed
from hauberk.policy.images import Images
from hauberk.policy.problems import HauberkError


def load(given: Mapping[str, str]) -> Images:
    """The images; raises HauberkError with the name of the image and the next step for what cannot be read."""
    if not given:
        return Images()
    elf.need()
    return Images({name: _loaded(name, path, identity({name: path})) for name, path in given.items()})


@lru_cache(maxsize=16)
def _loaded(name: str, path: str, _state: bytes | None) -> Tree | RootFolder:
    """Kept for this process: fixing and comparing revisions lint several times."""
    label = f"--image {displayed(name)}={displayed(path)}"
    try:
        # Path.is_dir raises for what may not be looked at
        return _folder(name, path, label) if os.path.isdir(path) else _archive(name, path)  # noqa: PTH112
    except ImageError as error:
        raise HauberkError(f"{label}: {error}") from None


def _folder(name: str, path: str, label: str) -> Tree | RootFolder:
    return stored.read(FolderBlobs(path), name) if _is_layout(path) else RootFolder(path, label)


def _archive(name: str, path: str) -> Tree:
    if not os.path.lexists(path):
        raise ImageError("no such file or folder: name an archive, an OCI layout folder or a root folder")
    with ArchiveBlobs(path) as archive:
        if not archive.has("manifest.json") and not archive.has("index.json"):
            raise ImageError(
                "is no image (neither manifest.json nor index.json in it): write it by docker save or skopeo copy; "
                "unpack a tar of a root file system and name the folder"
            )
        return stored.read(archive, name)


def _is_layout(path: str) -> bool:
    """An archive that was unpacked is one too."""
    return any(os.path.lexists(f"{path}/{name}") for name in ("oci-layout", "index.json", "manifest.json"))


def identity(given: Mapping[str, str]) -> bytes | None:
    """Changes whenever an image may have; None when one is a root folder, of which only using it tells what is used."""
    digest = hashlib.sha256()
    for name, path in sorted(given.items()):
        digest.update(repr((name, path)).encode("utf-8", "surrogateescape"))
        is_folder = os.path.isdir(path)  # noqa: PTH112  # likewise
        if is_folder and not _is_layout(path):
            return None
        for file in _files(path) if is_folder else (path,):
            try:
                status = os.lstat(file)
                if stat.S_ISLNK(status.st_mode):
                    status = os.stat(file)  # noqa: PTH116  # likewise
            except OSError as error:
                digest.update(f"{file} {error.errno}\n".encode("utf-8", "surrogateescape"))
                continue
            # the time of the last change of the file's status is the one that no program can set
            values = (file, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            digest.update(repr(values).encode("utf-8", "surrogateescape"))
    return digest.digest()


def _files(layout: str) -> Iterator[str]:
    for folder, folders, names in os.walk(layout):
        folders.sort()
        yield from (f"{folder}/{name}" for name in sorted(names))
