"""Targets that no walk through directories comes by: what has no path, and what is beyond kubearmor's bounds."""

from __future__ import annotations

from collections.abc import Iterator

from hauberk.policy.matching import SEEN_COMPONENTS, InMemory, OtherProcess, octets, seen
from hauberk.policy.model import Model
from hauberk.policy.realpaths import real_path, size_of
from hauberk.policy.tree import PATHLESS, Tree


def odd_paths(tree: Tree, *, beyond: bool) -> Iterator[str]:
    """The root, what has no path, and paths beyond the bounds of kubearmor's programs."""
    yield "/"
    yield PATHLESS
    if not beyond:
        return
    for key in tree.cut_keys:
        yield from _cut_to(tree, key)
    models = {model for model, _ in tree.views}
    if models == {Model.KUBEARMOR, Model.HAUBERK}:
        yield from (f"{node.path}{'/x' * (SEEN_COMPONENTS + 1)}" for node in tree.nodes if node.deep)
    if any(model is Model.KUBEARMOR and isinstance(target, InMemory | OtherProcess) for model, target in tree.views):
        # These see the whole path, the others its last components only: any end can follow any beginning.
        for end in _full_ends(tree):
            for begin in ("/dev/shm", "/proc/1", "/x"):  # noqa: S108  no file is made
                yield begin + end


def _cut_to(tree: Tree, key: str) -> Iterator[str]:
    """Longer paths of which kubearmor sees `key`."""
    last = key[key.rfind("/") + 1 :]
    raw = octets(key)
    stems = (raw, raw + b"\x80", raw + b"\x80\x80", raw + b"\x80\x80\x80")
    ends = ["", "x", "/x"]
    for name in tree.names:
        ends.append(f"/{name}")
        if name.startswith(last):
            ends.append(name[len(last) :])
    for stem in stems:
        begin = stem.decode("utf-8", "surrogateescape")
        yield from (path for end in ends if real_path(path := begin + end) and seen(path) == key)


def _full_ends(tree: Tree) -> Iterator[str]:
    """Paths of as many components as are seen, for each directory and each way to end."""
    for node in tree.nodes:
        depth = node.path.count("/")
        missing = SEEN_COMPONENTS - depth
        if missing == 0:
            yield node.path
        elif missing > 0 and not node.plain:
            # below a plain one hits what hits beside it
            begins = ["x"]
            if node.windowed and missing > 1:
                begins.append("x" * max(tree.window - size_of(node.path) - 1, 1))
            for begin in begins:
                for name in ("x", *tree.names):
                    middle = "".join(f"/{part}" for part in [begin, *["x"] * missing][: missing - 1])
                    yield f"{node.path}{middle}/{name}"
