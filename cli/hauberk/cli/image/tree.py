"""The files of an image as its layers leave them, in memory: names and kinds, and of programs what runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hauberk.cli.image.limits import ImageError
from hauberk.policy.imagepaths import resolve
from hauberk.policy.images import Content, FileEntry, FileKind, ImageConfig

_DIRECTORY = FileEntry(FileKind.DIRECTORY)


@dataclass(slots=True)
class Node:
    """A file, link or folder; hard links are one node under several names. Only a folder has `children`."""

    entry: FileEntry
    children: dict[str, Node] | None = None
    content: Content = None
    text: str = ""


def folder() -> Node:
    return Node(_DIRECTORY, {})


@dataclass(slots=True)
class Tree:
    """An image that was read from layers; it is what `hauberk.policy.images.Image` asks for."""

    config: ImageConfig
    root: Node = field(default_factory=folder)
    notes: list[str] = field(default_factory=list[str])

    def entry(self, path: str) -> FileEntry | None:
        node = self._node(path)
        return node.entry if node is not None else None

    def content(self, path: str) -> Content:
        node = self._node(path)
        return node.content if node is not None else None

    def text(self, path: str) -> str:
        node = self._node(path)
        return node.text if node is not None else ""

    def names(self, path: str) -> Sequence[str]:
        node = self._node(path)
        return sorted(node.children) if node is not None and node.children is not None else ()

    def _node(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in _parts(path):
            node = node.children.get(part) if node is not None and node.children is not None else None
        return node

    def find(self, path: str) -> Node | None:
        """The node of a path whose parents may be links; a link itself is not followed."""
        parent, _, name = path.rpartition("/")
        place = resolve(self, parent or "/")
        return self._node(f"{place.path}/{name}") if place is not None else None

    def put(self, path: str, node: Node) -> None:
        """Adds or replaces; a folder over a folder keeps what is in it. Parents that are missing are made."""
        parent, _, name = path.rpartition("/")
        if not name:
            return
        children = self._made(parent)
        there = children.get(name)
        if node.children is not None and there is not None and there.children is not None:
            there.entry = node.entry
        else:
            children[name] = node

    def remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        place = resolve(self, parent or "/")
        node = self._node(place.path) if place is not None else None
        if node is not None and node.children is not None:
            node.children.pop(name, None)

    def empty(self, path: str) -> None:
        place = resolve(self, path or "/")
        node = self._node(place.path) if place is not None else None
        if node is not None and node.children is not None:
            node.children.clear()

    def _made(self, path: str) -> dict[str, Node]:
        """The children of a folder, links on the way followed as a runtime that unpacks the layer does."""
        node = self._node(path) if path else self.root
        if node is None or node.children is None:
            place = resolve(self, path)
            if place is None:
                raise ImageError(f"{path!r} leads through a loop of links or through a file: build the image again")
            node = self.root
            for part in _parts(place.path):
                if node.children is None:
                    break
                node = node.children.setdefault(part, folder())
        if node.children is None:
            raise ImageError(f"{path!r} is a file, and a layer has files below it: build the image again")
        return node.children


def _parts(path: str) -> Iterator[str]:
    return (part for part in path.split("/") if part)
