"""Bytes of blobs as they are read: in pieces, counted, checked against their digest, and never backwards."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from hauberk.cli.image.limits import MAX_UNPACKED, MIB, HeaderBudget, ImageError, damaged, refused

_PIECE = MIB


class Meter:
    """What all layers of an image have unpacked to, in bytes."""

    def __init__(self, most: int | None = None) -> None:
        self.most = MAX_UNPACKED if most is None else most
        self.total = 0

    def add(self, size: int) -> None:
        self.total += size
        if self.total > self.most:
            raise refused("its layers unpack to too many bytes", f"{self.most // MIB} MiB")


def verified(pieces: Iterable[bytes], digest: str | None, what: str) -> Iterator[bytes]:
    """The same pieces; raises ImageError after the last one when they are not those of the digest (`sha256:...`)."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
        yield piece
    if digest is not None and f"sha256:{found.hexdigest()}" != digest:
        raise damaged(f"{what} is not what its digest {digest} says")


def unpacked(pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    """The pieces of the tar archive in a layer, whatever compresses it; raises ImageError for what it cannot read."""
    first = next(pieces, b"")
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        raise ImageError(
            f"{what} is compressed by zstd, which cannot be read: copy the image with gzip layers, e.g. "
            "skopeo copy --dest-compress-format gzip --dest-force-compress-format"
        )
    if first.startswith(b"\x1f\x8b"):
        return _gunzip(first, pieces, what)
    return _joined(first, pieces)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


_SLICE = 16 * 1024
"""What follows the end of a gzip member is copied: of small slices that is little, however many members there are."""
_MOST_MEMBERS = 1_000_000


def _sliced(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from (piece[at : at + _SLICE] for at in range(0, len(piece), _SLICE))


def _gunzip(first: bytes, rest: Iterator[bytes], what: str) -> Iterator[bytes]:
    machine = zlib.decompressobj(wbits=31)
    members = 1
    try:
        for packed in _sliced(_joined(first, rest)):
            waiting = packed
            while waiting:
                if machine.eof:
                    # several members may follow each other, and padding the last
                    waiting = waiting.lstrip(b"\0")
                    if not waiting:
                        break
                    members += 1
                    if members > _MOST_MEMBERS:
                        raise refused(f"{what} has too many gzip members", f"{_MOST_MEMBERS}")
                    machine = zlib.decompressobj(wbits=31)
                piece = machine.decompress(waiting, _PIECE)
                waiting = machine.unused_data if machine.eof else machine.unconsumed_tail
                yield piece
    except zlib.error as error:
        raise damaged(f"{what} is not valid gzip ({error})") from None
    if not machine.eof:
        raise damaged(f"{what} ends too early")


class Forward:
    """Pieces as the file that tarfile reads; `unpacked` counts every byte, `sha256` is that of all that was read."""

    def __init__(self, pieces: Iterator[bytes], meter: Meter) -> None:
        self._pieces = pieces
        self._meter = meter
        self._buffer = b""
        self._at = 0
        self._passed = 0
        self._budget = HeaderBudget()
        self._digest = hashlib.sha256()

    def tell(self) -> int:
        return self._passed + self._at

    def next_header(self) -> None:
        """From here on `read` may give as much as one header may have."""
        self._budget = HeaderBudget()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, fewer only at the end; headers that want more than they may are refused."""
        self._budget.spend(size)
        return self._take(size)

    def content(self, size: int) -> bytes:
        """As `read`, for the content of a file: the caller has bounded it."""
        return self._take(size)

    def _take(self, size: int) -> bytes:
        found = self._buffer[self._at : self._at + size]
        self._at += len(found)
        if len(found) == size:
            return found
        parts = [found]
        missing = size - len(found)
        while missing and self._fill():
            part = self._buffer[:missing]
            self._at = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def seek(self, position: int, whence: int = 0) -> int:
        """Forwards only; at the end of the data it stops there."""
        if whence or position < self.tell():
            raise damaged("a layer has a member of negative or impossible size")
        while position > self._passed + len(self._buffer):
            if not self._fill():
                self._at = len(self._buffer)
                return self.tell()
        self._at = position - self._passed
        return position

    def drain(self) -> str:
        """Reads what is left; the digest of everything."""
        while self._fill():
            pass
        self._at = len(self._buffer)
        return f"sha256:{self._digest.hexdigest()}"

    def _fill(self) -> bool:
        """The next piece in place of the one before; the place in it is its start."""
        piece = next((piece for piece in self._pieces if piece), None)
        if piece is None:
            return False
        self._meter.add(len(piece))
        self._digest.update(piece)
        self._passed += len(self._buffer)
        self._buffer, self._at = piece, 0
        return True
