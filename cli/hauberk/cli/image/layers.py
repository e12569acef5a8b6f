"""One layer, a tar archive, onto the files of the layers below it (OCI image specification, layer.md)."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from hauberk.cli.image.content import ELF_MAGIC, HEAD, content_of
from hauberk.cli.image.limits import (
    MAX_ELF,
    MAX_ELFS,
    MAX_MEMBERS,
    MAX_PATH,
    MAX_TEXT,
    MIB,
    ImageError,
    damaged,
    refused,
)
from hauberk.cli.image.streams import Forward
from hauberk.cli.image.tree import Node, Tree, folder
from hauberk.cli.sources import displayed
from hauberk.policy.images import FileEntry, FileKind

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_METADATA = ".wh..wh."
"""Of AUFS itself; no file of the image."""


@dataclass(slots=True)
class Counts:
    """Of all layers of an image."""

    members: int = 0
    elfs: int = 0


def apply(tree: Tree, stream: Forward, counts: Counts, what: str) -> None:
    """Reads the layer to its end; raises ImageError for what no builder writes or what is over a limit."""
    removed: list[str] = []
    emptied: list[str] = []
    added: list[tuple[str, Node | str]] = []
    try:
        for member in _members(stream, counts):
            path = _path(member.name, what)
            parent, _, name = path.rpartition("/")
            if name == _OPAQUE:
                emptied.append(parent)
            elif name.startswith(_METADATA):
                continue
            elif name.startswith(_WHITEOUT):
                removed.append(f"{parent}/{name.removeprefix(_WHITEOUT)}")
            elif member.islnk():
                added.append((path, _path(member.linkname, what)))
            else:
                added.append((path, _node(tree, member, stream, counts, path)))
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise damaged(f"{what} is not a valid tar archive ({error})") from None
    # what a layer removes is below it, wherever in the archive it says so
    for path in emptied:
        tree.empty(path)
    for path in removed:
        tree.remove(path)
    for path, node in added:
        if isinstance(node, str):
            target = tree.find(node)
            if target is None or target.children is not None:
                said = f"{displayed(path)} is a hard link to {displayed(node)}, which is no file of the image"
                raise ImageError(f"{what}: {said}: build it again")
            tree.put(path, target)
        else:
            tree.put(path, node)


def _members(stream: Forward, counts: Counts) -> Iterator[tarfile.TarInfo]:
    # Forward reads and seeks as tarfile does, and is no more of a file than that
    archive: Any = tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:")  # noqa: SIM115  # not its to close
    while (member := archive.next()) is not None:
        counts.members += 1
        if counts.members > MAX_MEMBERS:
            raise refused("it has too many files", f"{MAX_MEMBERS}")
        yield member
        stream.next_header()
        # tarfile keeps every header that it has seen; the stubs do not know, hence Any
        archive.members.clear()


def _path(name: str, what: str) -> str:
    """Absolute, `./` and doubled slashes removed."""
    if len(name.encode("utf-8", "surrogateescape")) > MAX_PATH:
        raise refused(f"{what} has a path that is too long", f"{MAX_PATH} bytes")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ImageError(f"{what}: {displayed(name)} would be unpacked outside of the image: do not use this image")
    return "/" + "/".join(parts) if parts else ""


def _node(tree: Tree, member: tarfile.TarInfo, stream: Forward, counts: Counts, path: str) -> Node:
    mode = member.mode & 0o7777
    if member.isdir():
        made = folder()
        made.entry = FileEntry(FileKind.DIRECTORY, mode)
        return made
    if member.issym():
        return Node(FileEntry(FileKind.LINK, mode, 0, member.linkname))
    if not member.isreg():
        return Node(FileEntry(FileKind.OTHER, mode))
    if member.size < 0:
        raise damaged(f"{displayed(path)} has a negative size")
    node = Node(FileEntry(FileKind.FILE, mode, member.size))
    if member.sparse is None:
        _look(tree, node, member, stream, counts, path)
    return node


def _look(tree: Tree, node: Node, member: tarfile.TarInfo, stream: Forward, counts: Counts, path: str) -> None:
    """Keeps of the content what the kernel and the dynamic loader would read."""
    stream.seek(member.offset_data)
    head = stream.content(min(member.size, HEAD))
    if head.startswith(ELF_MAGIC):
        if member.size > MAX_ELF:
            tree.notes.append(f"{displayed(path)} is over {MAX_ELF // MIB} MiB: not looked into for libraries")
            return
        counts.elfs += 1
        if counts.elfs > MAX_ELFS:
            raise refused("it has too many programs and libraries", f"{MAX_ELFS}")
        head += stream.content(member.size - len(head))
    elif path.startswith("/etc/ld") and member.size <= MAX_TEXT:
        head += stream.content(member.size - len(head))
        node.text = head.decode("utf-8", "surrogateescape")
    node.content = content_of(head)
