"""Which texts the kernel can show as a path, and how the characters of a readable one are chosen."""

from __future__ import annotations

from functools import lru_cache

from hauberk.policy.matching import octets
from hauberk.policy.patterns import LAST, SLASH

COMPONENT_BYTES = 255
PATH_BYTES = 4096

_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF
_LIKED = (
    "xabcdefghijklmnopqrstuvwyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-+=@%,:~.;!#$&()[]{}^'\"`<>|?*\\ "
    "\u00e9\u00fc\u03bb\u4e2d"
)


def real_component(name: str) -> bool:
    """Whether a directory can have an entry of this name."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        return False
    if name.isascii():
        return len(name) <= COMPONENT_BYTES
    raw = octets(name)
    # bytes that are no UTF-8 have one spelling; other lone surrogates are no bytes at all
    return len(raw) <= COMPONENT_BYTES and raw.decode("utf-8", "surrogateescape") == name


def real_path(path: str) -> bool:
    """Whether the kernel can resolve a file to this path."""
    if path == "/":
        return True
    if not path.startswith("/") or size_of(path) > PATH_BYTES:
        return False
    return all(real_component(name) for name in path[1:].split("/"))


def size_of(text: str) -> int:
    """Bytes."""
    return len(text) if text.isascii() else len(octets(text))


@lru_cache(maxsize=4096)
def plain(low: int, high: int) -> str | None:
    """The most readable character of a range, None if a name can have none of it."""
    for char in _LIKED:
        if low <= ord(char) <= high:
            return char
    return next(allowed(low, high), None)


def liking(low: int, high: int) -> int:
    """Place of a range among others, the most readable first."""
    return _LIKED.find(plain(low, high) or "") % (len(_LIKED) + 1)


def allowed(low: int, high: int) -> Characters:
    """The characters of a range that a name can have; of surrogates those that alone are a byte."""
    return Characters(low, high)


class Characters:
    """Iterates readable characters first; ranges are as wide as Unicode, so nothing is listed."""

    __slots__ = ("_high", "_liked", "_low", "_next")

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = max(low, 1), min(high, LAST)
        self._liked = iter(_LIKED)
        self._next = self._low

    def __iter__(self) -> Characters:
        return self

    def __next__(self) -> str:
        for char in self._liked:
            if self._low <= ord(char) <= self._high:
                return char
        while self._next <= self._high:
            code = self._next
            self._next += 1
            if _FIRST_SURROGATE <= code <= _LAST_SURROGATE and not 0xDC80 <= code <= 0xDCBF:
                # a byte from C2 on may begin a character together with what follows; the others never do
                self._next = max(self._next, 0xDC80 if code < 0xDC80 else _LAST_SURROGATE + 1)
                continue
            if code != SLASH and chr(code) not in _LIKED:
                return chr(code)
        raise StopIteration
