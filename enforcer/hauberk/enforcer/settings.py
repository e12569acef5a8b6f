"""A file of settings: what alerts say of this node, and options of `hauberk-enforcer run`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hauberk.policy.documents import Document, decode, pointer_token
from hauberk.policy.documents import read as read_documents
from hauberk.policy.loose import is_mapping
from hauberk.policy.problems import HauberkError, Problem

ALERTS = ("clusterName", "hostName", "constants")
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What a file sets: of alerts, and under names of options as the command line has them without their dashes."""

    path: Path
    document: Document | None
    alerts: Mapping[str, Any]
    options: Mapping[str, Any]

    def wrong(self, name: str, message: str) -> HauberkError:
        """To raise about the value of a setting."""
        return _wrong(self.path, self.document, f"/{pointer_token(name)}", message)


def read(path: Path, options: Iterable[str] = ()) -> Settings:
    """`options` are names that the file may have besides those of alerts; their values are not looked at.

    Raises:
        HauberkError: it cannot be read, or has something else in it, with its place.
        OSError: it is not there.

    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise HauberkError(f"{path}: too large for settings: at most {MOST_BYTES} bytes")
    text = decode(data)
    if isinstance(text, Problem):
        raise HauberkError(f"{path}: {text.message}")
    parsed = read_documents(text)
    for problem in (*parsed.problems, *(problem for one in parsed.documents for problem in one.problems)):
        at = problem.position
        raise HauberkError(f"{path}:{at.line}:{at.column}: {problem.message}" if at else f"{path}: {problem.message}")
    if not parsed.documents:
        return Settings(path, None, {}, {})
    document = parsed.documents[0]
    known = (*ALERTS, *options)
    if not is_mapping(document.data):
        raise _wrong(path, document, "", f"must be a mapping of {', '.join(known)}")
    for name, value in document.data.items():
        if name not in known:
            message = f"{name} is no setting: give {', '.join(known)}"
            raise _wrong(path, document, f"/{pointer_token(name)}", message, key=True)
        if name in ALERTS:
            _check(path, document, name, value)
    given = document.data
    return Settings(
        path,
        document,
        {name: given[name] for name in ALERTS if name in given},
        {name: value for name, value in given.items() if name not in ALERTS},
    )


def _check(path: Path, document: Document, name: str, value: object) -> None:
    if name != "constants":
        if not isinstance(value, str):
            raise _wrong(path, document, f"/{name}", f"{name} must be text")
        return
    if not is_mapping(value):
        raise _wrong(path, document, "/constants", "constants must be a mapping of names to text")
    for key, constant in value.items():
        pointer = f"/constants/{pointer_token(key)}"
        if not isinstance(constant, str):
            raise _wrong(path, document, pointer, f"{key} must be text: put it in quotes")
        if key[:1].isupper():
            message = f"{key}: names that begin with a capital letter are the alerts' own"
            raise _wrong(path, document, pointer, message, key=True)


def _wrong(path: Path, document: Document | None, pointer: str, message: str, *, key: bool = False) -> HauberkError:
    if document is None:
        return HauberkError(f"{path}: {message}")
    at = document.key_at(pointer) if key else document.place(pointer)
    return HauberkError(f"{path}:{at.line}:{at.column}: {message}")
