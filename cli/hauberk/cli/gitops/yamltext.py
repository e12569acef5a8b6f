"""Values -> YAML text, always the same bytes, whatever version of a YAML library is installed.

Only forms that YAML 1.1 and 1.2 read alike are written: what might be read as another type by either is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hauberk.policy.loose import is_list, is_mapping

_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_/.@+*-]|[:=](?=[A-Za-z0-9_/.])| (?=[A-Za-z0-9_/]))*\Z")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_LINE = re.compile("[ -~]*[!-~]|")
_ESCAPED = re.compile('[\x00-\x1f"\\\\\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_yaml(value: Mapping[str, Any]) -> str:
    """One document, block style, fields in their order."""
    return "\n".join(_mapping(value, "")) + "\n"


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{indent}{_text(key)}:", item, indent)


def _entry(head: str, item: Any, indent: str) -> Iterator[str]:
    """A key and its value; lists stand below their key, indented."""
    if is_mapping(item) and item:
        yield head
        yield from _mapping(item, indent + "  ")
    elif is_list(item) and item:
        yield head
        yield from _list(item, indent + "  ")
    elif isinstance(item, str) and _is_block(item):
        yield f"{head} |"
        yield from (f"{indent}  {row}" if row else "" for row in item.split("\n")[:-1])
    else:
        yield f"{head} {_scalar(item)}"


def _list(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        if is_mapping(item) and item:
            rows = _mapping(item, indent + "  ")
        elif is_list(item) and item:
            rows = _list(item, indent + "  ")
        else:
            yield f"{indent}- {_scalar(item)}"
            continue
        yield f"{indent}- {next(rows)[len(indent) + 2 :]}"
        yield from rows


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value in ({}, []):
        return "{}" if is_mapping(value) else "[]"
    raise TypeError(f"no YAML for {type(value).__name__}")


def _text(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"


def _is_block(text: str) -> bool:
    """Whether it is lines of ASCII, the first not indented, the last one ended once: read alike everywhere."""
    rows = text.split("\n")
    if len(rows) < 3 or rows[-1] or not rows[-2] or rows[0][:1] in ("", " "):
        return False
    return all(_LINE.fullmatch(row) for row in rows)
