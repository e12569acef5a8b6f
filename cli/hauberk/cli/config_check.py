"""Reading and checking hauberk.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs

from hauberk.cli import sources
from hauberk.cli.config import schema
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
    if not errors:
        return document.data, text
    lines: list[str] = []
    for error in errors:
        pointer = "".join(f"/{pointer_token(str(part))}" for part in error.instance_path)
        unexpected = getattr(error.kind, "unexpected", None)
        for name in unexpected or [None]:
            at = document.key_at(f"{pointer}/{pointer_token(name)}") if name else document.value_at(pointer)
            lines.append(f"{path}:{at.line}:{at.column}: {_said(name, error.message)}")
    raise HauberkError("\n".join(lines))


def _said(name: str | None, message: str) -> str:
    if name is None:
        return message
    known = tuple(schema()["properties"])
    close = nearest(name, known)
    return f"unknown setting {name}" + (f": did you mean {close}?" if close else f"; known are {', '.join(known)}")
