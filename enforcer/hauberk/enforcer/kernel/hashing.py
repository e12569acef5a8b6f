"""Keyed hashes of names and paths: the twin of `bpf/lib/hash.bpf.h`, which says what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hauberk.enforcer.kernel.wire import NAME_BYTES, NAME_WORDS, SEED, Area, Kind

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_LOW = 0xFFFF_FFFF
_PRIME = 0x9E37_79B9_7F4A_7C15


def mix(value: int, word: int) -> int:
    """`value` and `word` (both 64 bits) folded into one."""
    value = ((value ^ word) * _PRIME) & _MASK
    return value ^ (value >> 29)


@dataclass(frozen=True, slots=True)
class Seed:
    """The secret of one boot: `1 + 2 * NAME_WORDS` words of 64 bits."""

    words: tuple[int, ...]
    _names: dict[bytes, int] = field(default_factory=dict[bytes, int], repr=False, compare=False)

    @classmethod
    def of(cls, secret: bytes) -> Seed:
        """The seed in `SEED.size` bytes."""
        return cls(SEED.unpack(secret))

    def pack(self) -> bytes:
        return SEED.pack(*self.words)

    @property
    def start(self) -> int:
        """The hash of `/`."""
        return self.words[0]

    def name(self, name: bytes) -> int:
        """The hash of one component of at most `NAME_BYTES` bytes."""
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = self._name(name)
        return found

    def _name(self, name: bytes) -> int:
        words = self.words
        first = second = 0
        for place in range((len(name) + 7) // 8):
            word = int.from_bytes(name[place * 8 : place * 8 + 8], "little")
            low, high = word & _LOW, word >> 32
            key = words[1 + place]
            first += ((low + (key & _LOW)) & _LOW) * ((high + (key >> 32)) & _LOW)
            key = words[1 + NAME_WORDS + place]
            second += ((low + (key & _LOW)) & _LOW) * ((high + (key >> 32)) & _LOW)
        return mix(mix(words[0], first & _MASK), second & _MASK)

    def path(self, components: Sequence[bytes]) -> int:
        """The hash of a path from the root on."""
        value = self.start
        for component in components:
            value = mix(value, self.name(component))
        return value

    def key(self, what: int, area: Area, kind: Kind, source: int) -> int:
        """The key of `what` in a policy; `source` is the hash of a path, 0 for all sources."""
        return mix(mix(mix(self.start, area << 8 | kind), what), source)


def components_of(path: bytes) -> tuple[bytes, ...] | None:
    """The components of a path that the kernel can have; None for another text, which no file ever has."""
    if not path.startswith(b"/") or b"\0" in path:
        return None
    if path == b"/":
        return ()
    parts = tuple(path[1:].split(b"/"))
    if any(part in {b"", b".", b".."} or len(part) > NAME_BYTES for part in parts):
        return None
    return parts
