"""What guests get of this project: its packages, and what these need of the virtual environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from support import ROOT, missing

_AT = "/opt/hauberk/python"
_PACKAGES = {
    "policy": ROOT / "policy/hauberk/policy",
    "enforcer": ROOT / "enforcer/hauberk/enforcer",
    "bpf": ROOT / "bpf",
}
_LIBRARIES = ("jsonschema-rs", "PyYAML", "typer")


def packages(*more: str) -> dict[str, Path]:
    """A payload for `Guest.boot`, with these libraries, too; the agent has Python look there."""
    if sys.version_info[:2] != (3, 11):
        missing("guests have Python 3.11, and cannot load what is compiled for another")
    return dict([*_ours(), *_theirs(more)])


def _ours() -> Iterator[tuple[str, Path]]:
    for name, folder in _PACKAGES.items():
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{_AT}/hauberk/{name}/{path.relative_to(folder)}", path


def _theirs(more: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """With the compiled code that pip made: compiling takes the guest long."""
    for found in _needed(more):
        for file in found.files or ():
            path = Path(str(found.locate_file(file)))
            if ".." not in file.parts and path.is_file():
                yield f"{_AT}/{file}", path


def _needed(more: tuple[str, ...]) -> list[Distribution]:
    """The libraries and, without extras, all that they need."""
    names, found = [*_LIBRARIES, *more], dict[str, Distribution]()
    while names:
        name = names.pop()
        if name not in found:
            found[name] = distribution(name)
            wanted = [Requirement(text) for text in found[name].requires or ()]
            names += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return list(found.values())
