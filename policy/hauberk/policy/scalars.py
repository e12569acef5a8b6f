"""Plain YAML scalars as kubectl reads them.

The table and the forms of numbers are those of go-yaml v2 (`resolve.go`), which sigs.k8s.io/yaml wraps: `y` and `on`
are booleans, base 60 is not a number, a timestamp stays text. What JSON cannot hold (`.nan`, `.inf`) stays text too.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
# `strconv.ParseInt` with base 0: a prefix in either case, or a leading zero, says the base.
_INTEGER = re.compile(r"([-+]?)(0[bB][01]+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_BASES = {"0b": 2, "0x": 16, "0o": 8}
_LONGEST_NUMBER = 64
_LEAST, _MOST = -(2**63), 2**64 - 1

TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@lru_cache(maxsize=4096)
def resolve(text: str) -> Scalar:
    """Value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER or text[0] not in "-+.0123456789":
        return text
    # go-yaml drops underscores anywhere, but not in what starts with a dot
    plain = text if text[0] == "." else text.replace("_", "")
    if found := _INTEGER.match(plain):
        value = _integer(found[2])
        value = -value if found[1] == "-" else value
        if _LEAST <= value <= _MOST:
            return value
    if _FLOAT.match(plain) and math.isfinite(fraction := float(plain)):
        return fraction
    return text


def _integer(digits: str) -> int:
    base = _BASES.get(digits[:2].lower())
    if base is not None:
        return int(digits[2:], base)
    return int(digits, 8 if digits[0] == "0" else 10)


def key_text(value: Scalar, text: str) -> str:
    """A mapping key as the JSON conversion of kubectl writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else text
