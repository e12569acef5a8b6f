"""The files of an image as its layers leave them, in memory: names and kinds, and of programs what runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hauberk.cli.image.limits import MAX_PATH, MAX_STEPS, ImageError, refused
from hauberk.cli.sources import displayed
from hauberk.policy.imagepaths import MAX_LINKS
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
    _steps: int = 0
    _last: tuple[str, Node | None] = ("-", None)

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
        """Without following links; who resolves a path asks for each part in turn, hence the last answer is kept."""
        parent, _, name = path.rpartition("/")
        if parent == self._last[0]:
            node = self._last[1]
        else:
            node = self.root
            for part in _parts(parent):
                node = node.children.get(part) if node is not None and node.children is not None else None
        if name:
            node = node.children.get(name) if node is not None and node.children is not None else None
        self._last = (path, node)
        return node

    def find(self, path: str) -> Node | None:
        """The node of a path whose parents may be links; a link itself is not followed."""
        parent, _, name = path.rpartition("/")
        node = self._walked(parent)
        return node.children.get(name) if node is not None and node.children is not None else None

    def put(self, path: str, node: Node) -> None:
        """Adds or replaces; a folder over a folder keeps what is in it. Parents that are missing are made."""
        parent, _, name = path.rpartition("/")
        if not name:
            return
        into = self._walked(parent, make=True)
        if into is None or into.children is None:
            said = "leads through a file or a loop of links, and a layer has files below it"
            raise ImageError(f"{displayed(parent)} {said}: build the image again")
        there = into.children.get(name)
        if node.children is not None and there is not None and there.children is not None:
            there.entry = node.entry
        else:
            into.children[name] = node

    def remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        node = self._walked(parent)
        if node is not None and node.children is not None:
            node.children.pop(name, None)

    def empty(self, path: str) -> None:
        node = self._walked(path)
        if node is not None and node.children is not None:
            node.children.clear()

    def _walked(self, path: str, *, make: bool = False) -> Node | None:
        """The node behind all links of the path, as a runtime that unpacks a layer follows them; None for none."""
        self._last = ("-", None)
        stack = [self.root]
        waiting = [*_parts(path)][::-1]
        links = 0
        while waiting:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise refused("its paths are too deep", f"{MAX_STEPS} folders on the way to all files")
            part = waiting.pop()
            if part == "..":
                del stack[max(1, len(stack) - 1) :]
                continue
            children = stack[-1].children
            child = children.get(part) if children is not None else None
            if child is None:
                if not make or children is None:
                    return None
                child = children[part] = folder()
            if child.entry.kind is not FileKind.LINK:
                stack.append(child)
                continue
            links += 1
            target = child.entry.target
            if links > MAX_LINKS or not target or len(target) >= MAX_PATH:
                return None
            if target.startswith("/"):
                del stack[1:]
            waiting += [*_parts(target)][::-1]
        return stack[-1]


def _parts(path: str) -> Iterator[str]:
    return (part for part in path.split("/") if part not in ("", "."))
