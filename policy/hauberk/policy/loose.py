"""Narrowing of values whose type only the text knew: a YAML value is Any until one of these says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard, cast

_EMPTY: Mapping[str, Any] = {}


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Mappings that `documents` makes have text keys only."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else _EMPTY


def listing(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if is_list(value) else []


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None
