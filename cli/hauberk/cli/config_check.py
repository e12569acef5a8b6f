"""Reading and checking hauberk.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs

from hauberk.cli import sources
from hauberk.cli.catalogue import catalogue
from hauberk.cli.config import matches, schema
from hauberk.policy.documents import decode, pointer_token, read
from hauberk.policy.problems import HauberkError, Problem
from hauberk.policy.tables import nearest


def checked(path: Path) -> tuple[dict[str, Any], str]:
    """The file's mapping and its text."""
    source = sources.read(str(path))
    if source.trouble:
        raise HauberkError(f"{path}: {source.trouble}")
    text = decode(source.data)
    if isinstance(text, Problem):
        raise HauberkError(f"{path}: {text.message}")
    parsed = read(text)
    broken = [*parsed.problems, *(problem for document in parsed.documents for problem in document.problems)]
    for problem in broken:
        if problem.position is not None and problem.detail.get("severity") != "warning":
            raise HauberkError(f"{path}:{problem.position.line}:{problem.position.column}: {problem.message}")
    if not parsed.documents:
        return {}, text
    document = parsed.documents[0]
    errors = list(jsonschema_rs.validator_for(schema()).iter_errors(document.data))
    lines: list[str] = []
    for pointer, identity in () if errors else _ids(document.data):
        if identity.startswith("HB") and not any(matches(rule, identity) for rule in catalogue()):
            at = document.key_at(pointer) if pointer.startswith("/severity/") else document.value_at(pointer)
            said = f"{identity}: there is no such rule or family; `hauberk rules` lists all"
            lines.append(f"{path}:{at.line}:{at.column}: {said}")
    if not errors and not lines:
        return document.data, text
    for error in errors:
        pointer = "".join(f"/{pointer_token(str(part))}" for part in error.instance_path)
        unexpected = getattr(error.kind, "unexpected", None)
        for name in unexpected or [None]:
            at = document.key_at(f"{pointer}/{pointer_token(name)}") if name else document.value_at(pointer)
            lines.append(f"{path}:{at.line}:{at.column}: {_said(name, error.message, error.schema_path)}")
    raise HauberkError("\n".join(lines))


def _ids(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Pointer and rule id or family, wherever the settings name one."""
    for key in ("select", "ignore"):
        yield from ((f"/{key}/{number}", str(identity)) for number, identity in enumerate(data.get(key, ())))
    yield from ((f"/severity/{pointer_token(identity)}", identity) for identity in data.get("severity", {}))
    for number, exception in enumerate(data.get("exceptions", ())):
        yield from ((f"/exceptions/{number}/rules/{n}", str(i)) for n, i in enumerate(exception["rules"]))


def _said(name: str | None, message: str, place: Sequence[str | int]) -> str:
    if name is None:
        return message
    known = _known(place)
    close = nearest(name, known)
    return f"unknown setting {name}" + (f": did you mean {close}?" if close else f"; known are {', '.join(known)}")


def _known(place: Sequence[str | int]) -> tuple[str, ...]:
    """Settings of the mapping whose `additionalProperties` the place in the schema is."""
    here: Any = schema()
    for part in place[:-1]:
        here = here[part]
    return tuple(here["properties"])
