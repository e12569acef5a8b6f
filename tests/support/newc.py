"""Archives in the format of an initramfs (cpio, "newc"): `python3 newc.py FOLDER FILE` packs a folder."""

from __future__ import annotations

import stat
import sys
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_MERGED = ("bin", "lib", "lib64", "sbin")


class Archive:
    """Writes entries as they are added. Several archives may follow each other in one file: later entries win."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._count = 0
        self._folders = {PurePosixPath()}

    def file(self, path: PurePosixPath, data: bytes, mode: int = 0o644, mtime: int = 0) -> None:
        self.parents(path)
        self._entry(path, stat.S_IFREG | mode, data, mtime)

    def folder(self, path: PurePosixPath, mode: int = 0o755) -> None:
        self.parents(path)
        self._folders.add(path)
        self._entry(path, stat.S_IFDIR | mode, b"", 0)

    def link(self, path: PurePosixPath, target: str) -> None:
        self.parents(path)
        self._entry(path, stat.S_IFLNK | 0o777, target.encode(), 0)

    def parents(self, path: PurePosixPath) -> None:
        for parent in reversed(path.parents):
            if parent not in self._folders:
                self.folder(parent)

    def tree(self, source: Path, at: PurePosixPath) -> None:
        """Adds what is at `source`, a file or a folder with all in it, with its modes."""
        found = source.lstat()
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode):
            self.link(at, str(source.readlink()))
        elif stat.S_ISREG(found.st_mode):
            self.file(at, source.read_bytes(), mode, int(found.st_mtime))
        elif stat.S_ISDIR(found.st_mode):
            if at.parts:
                self.folder(at, mode)
            for child in sorted(source.iterdir()):
                self.tree(child, at / child.name)

    def end(self) -> None:
        self._entry(PurePosixPath("TRAILER!!!"), 0, b"", 0)

    def _entry(self, path: PurePosixPath, mode: int, data: bytes, mtime: int) -> None:
        self._count += 1
        name = bytes(path) + b"\0"
        # inode, mode, owner, group, links, time, size, device of the file system and of the node, name, checksum
        numbers = (self._count, mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(name), 0)
        self._padded(b"070701" + b"".join(b"%08X" % number for number in numbers) + name)
        self._padded(data)

    def _padded(self, data: bytes) -> None:
        self._file.write(data + b"\0" * (-len(data) % 4))


def main() -> None:
    with Path(sys.argv[2]).open("wb") as file:
        archive = Archive(file)
        archive.tree(Path(sys.argv[1]), PurePosixPath())
        archive.end()


if __name__ == "__main__":
    main()
