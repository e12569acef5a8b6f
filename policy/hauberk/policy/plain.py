"""Frozen values as JSON and back, by their annotations: for a cache, which must not run what it reads."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Value = TypeVar("Value")


def to_plain(value: Any) -> Any:
    """Dataclasses as lists of their fields, mappings as lists of pairs, sets sorted."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return [to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [[to_plain(key), to_plain(item)] for key, item in value.items()]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (frozenset, set)):
        return sorted(to_plain(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def from_plain(kind: type[Value], plain: Any) -> Value:
    """The value that `to_plain` made plain; raises ValueError, TypeError or IndexError if it is none of this kind."""
    value: Value = _read(kind, plain)
    return value


@lru_cache(maxsize=64)
def _fields(kind: Any) -> tuple[Any, ...]:
    hints = get_type_hints(kind)
    return tuple(hints[field.name] for field in dataclasses.fields(kind))


def _read(kind: Any, plain: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        others = [arg for arg in args if arg is not types.NoneType]
        return None if plain is None else _read(others[0], plain)
    if origin is tuple:
        if args[-1] is Ellipsis:
            return tuple(_read(args[0], item) for item in plain)
        return tuple(_read(arg, item) for arg, item in zip(args, plain, strict=True))
    if origin is frozenset:
        return frozenset(_read(args[0], item) for item in plain)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {_read(args[0], key): _read(args[1], item) for key, item in plain}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind(*(_read(hint, item) for hint, item in zip(_fields(kind), plain, strict=True)))
    return plain
