"""Positions -> states over bytes: the second stage of `dfa`.

Patterns speak of characters, the kernel has bytes. What bytes stand for which character is what Python's decoder says
of file names: UTF-8, and any byte that is part of no character is one of its own (U+DC80..U+DCFF).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from hauberk.enforcer.kernel.positions import STRAY, Meter, Positions, TooManyStatesError, bits
from hauberk.policy.patterns import LAST, SLASH

ALL_BYTES = (1 << 256) - 1

_ASCII = 0x7F

# First bytes of characters (Unicode, table 3-7): from, to, how many bytes follow, and from where to where the next is.
_FIRST_BYTES = (
    (0xC2, 0xDF, 1, 0x80, 0xBF),
    (0xE0, 0xE0, 2, 0xA0, 0xBF),
    (0xE1, 0xEC, 2, 0x80, 0xBF),
    (0xED, 0xED, 2, 0x80, 0x9F),
    (0xEE, 0xEF, 2, 0x80, 0xBF),
    (0xF0, 0xF0, 3, 0x90, 0xBF),
    (0xF1, 0xF3, 3, 0x80, 0xBF),
    (0xF4, 0xF4, 3, 0x80, 0x8F),
)
_NEVER_FIRST = ((0x80, 0xC1), (0xF5, 0xFF))
# By how many bytes follow, the first byte without bits of the code point.
_PREFIX = (0x00, 0xC0, 0xE0, 0xF0)

Row = dict[int, int]
"""What comes next -> the bytes that lead there, as bits; all 256 bytes are in one of them."""


@dataclass(frozen=True, slots=True)
class _Moves:
    """What one character makes of a set of positions: `after[i]` from code point `starts[i]` on."""

    starts: list[int]
    after: list[int]

    def by(self, code: int) -> int:
        return self.after[bisect_right(self.starts, code) - 1]

    def cuts(self, first: int, last: int) -> list[int]:
        """Code points after `first`, up to `last`, at which something else comes next."""
        return self.starts[bisect_right(self.starts, first) : bisect_right(self.starts, last)]


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A state after the first bytes of a character.

    `flushed` is the set of positions if these bytes are no character after all; `others` are next bytes, as bits,
    which lead elsewhere than from there, and where to.
    """

    flushed: int
    others: tuple[tuple[int, int], ...]


class ByteStates:
    """All states that a path reaches: `rows[s]`, and `ends[s]`, the set of positions there that are ends of globs.

    State 0 is dead, 1 the start, which `/` alone leaves alive. While it is built, a state is known by a key: a set of
    positions between two characters, and ~i for `_unfinished[i]`. Most often the bytes of an unfinished character
    lead nowhere else than stray bytes do. Then it is the set of positions, and states are as few as characters need.
    """

    def __init__(self, positions: Positions, most: int, meter: Meter) -> None:
        self.rows: list[Row] = [{0: ALL_BYTES}]
        self._positions = positions
        self._meter = meter
        self._ends = sum(1 << end for end in positions.ends)
        self._sets: dict[int, int] = {0: 0}
        self._moves: dict[int, _Moves] = {}
        self._beyond_ascii: dict[int, Row] = {}
        self._unfinished: list[_Unfinished] = []
        self._keys: dict[_Unfinished, int] = {}
        self.ends = [self._flushed(key) & self._ends for key in self._explore(most)]

    def _explore(self, most: int) -> list[int]:
        """Makes the rows; the keys of all states, the start's being that of no set."""
        keys = [0, 0]
        numbers = {0: 0}
        row: Row = {}
        _put(row, self._moves_of(self._positions.start).by(SLASH), 1 << SLASH)
        _put(row, 0, ALL_BYTES ^ 1 << SLASH)
        while True:
            numbered: Row = {}
            for key, mask in row.items():
                if key not in numbers:
                    numbers[key] = len(keys)
                    keys.append(key)
                numbered[numbers[key]] = mask
            self._meter.spend(len(row))
            self._meter.states = len(keys)
            if len(keys) > most:
                raise TooManyStatesError(len(keys), most, "states before equal ones are merged")
            self.rows.append(numbered)
            if len(self.rows) == len(keys):
                return keys
            row = self._row(keys[len(self.rows)])

    def _flushed(self, key: int) -> int:
        return key if key >= 0 else self._unfinished[~key].flushed

    # -- characters

    def _moves_of(self, states: int) -> _Moves:
        known = self._moves.get(states)
        if known is None:
            known = self._moves[states] = self._sweep(states)
        return known

    def _sweep(self, states: int) -> _Moves:
        positions = self._positions
        follow: dict[int, int] = {}
        waiting = states & ~self._ends
        for position in bits(waiting):
            symbol = positions.reads[position]
            follow[symbol] = follow.get(symbol, 0) | positions.follow[position]
        turns = {0: 0}
        for place, symbol in enumerate(follow):
            for low, high in positions.ranges[symbol]:
                turns[low] = turns.get(low, 0) ^ 1 << place
                if high < LAST:
                    turns[high + 1] = turns.get(high + 1, 0) ^ 1 << place
        self._meter.spend(waiting.bit_count() + len(turns) + (states.bit_length() >> 8))
        targets = list(follow.values())
        unions = {0: 0}
        starts: list[int] = []
        after: list[int] = []
        reading = 0
        for code in sorted(turns):
            reading ^= turns[code]
            if reading not in unions:
                unions[reading] = self._union(targets, reading)
            if not after or unions[reading] != after[-1]:
                starts.append(code)
                after.append(unions[reading])
        return _Moves(starts, after)

    def _union(self, targets: list[int], reading: int) -> int:
        self._meter.spend(reading.bit_count())
        union = 0
        for place in bits(reading):
            union |= targets[place]
        return self._sets.setdefault(union, union)  # equal sets are one object

    # -- bytes

    def _row(self, key: int) -> Row:
        if key >= 0:
            return self._row_between(key)
        unfinished = self._unfinished[~key]
        elsewhere = sum(mask for mask, _ in unfinished.others)
        row: Row = {}
        for after, mask in self._row_between(unfinished.flushed).items():
            _put(row, after, mask & ~elsewhere)
        for mask, after in unfinished.others:
            _put(row, after, mask)
        return row

    def _row_between(self, states: int) -> Row:
        moves = self._moves_of(states)
        row: Row = {}
        for first, last in _classes(0, _ASCII, moves.cuts(0, _ASCII)):
            _put(row, moves.by(first), _span(first, last))
        for after, mask in self._row_beyond_ascii(moves).items():
            _put(row, after, mask)
        self._meter.spend(len(row))
        return row

    def _row_beyond_ascii(self, moves: _Moves) -> Row:
        """The upper half of a row; once for all sets from which all characters beyond ASCII lead to the same set."""
        if moves.starts[-1] > _ASCII + 1:
            return self._read_beyond_ascii(moves)
        after = moves.after[-1]
        if after not in self._beyond_ascii:
            self._beyond_ascii[after] = self._read_beyond_ascii(_Moves([0], [after]))
        return self._beyond_ascii[after]

    def _read_beyond_ascii(self, moves: _Moves) -> Row:
        row: Row = {}
        for low, high in _NEVER_FIRST:
            for first, last in _classes(low, high, _stray_cuts(moves, low, high)):
                _put(row, moves.by(STRAY + first), _span(first, last))
        for low, high, more, least, most in _FIRST_BYTES:
            zero = (low - _PREFIX[more]) << 6 * more
            cuts = [*_stray_cuts(moves, low, high), *_code_cuts(moves, zero, low, high, 6 * more)]
            for first, last in _classes(low, high, cuts):
                code = zero + ((first - low) << 6 * more) + ((least - 0x80) << 6 * (more - 1))
                key = self._begun(moves, moves.by(STRAY + first), more, least, most, code)
                _put(row, key, _span(first, last))
        return row

    def _begun(self, moves: _Moves, flushed: int, more: int, least: int, most: int, code: int) -> int:
        """The key after bytes that begin a character and leave `more` of it to come, the next in `least`..`most`.

        `moves` are those of the set in which it began; `code` is the first code point it may become.
        """
        stray_moves = self._moves_of(flushed)
        shift = 6 * (more - 1)
        row: Row = {}
        cuts = [*_stray_cuts(stray_moves, least, most), *_code_cuts(moves, code, least, most, shift)]
        classes = _classes(least, most, cuts)
        for first, last in classes:
            stray = stray_moves.by(STRAY + first)
            here = code + ((first - least) << shift)
            after = self._begun(moves, stray, more - 1, 0x80, 0xBF, here) if more > 1 else moves.by(here)
            if after != stray:
                _put(row, after, _span(first, last))
        self._meter.spend(2 + 2 * len(classes))
        if not row:
            return flushed
        unfinished = _Unfinished(flushed, tuple((mask, after) for after, mask in row.items()))
        if unfinished not in self._keys:
            self._keys[unfinished] = ~len(self._unfinished)
            self._unfinished.append(unfinished)
        return self._keys[unfinished]


def _put(row: Row, after: int, mask: int) -> None:
    if mask:
        row[after] = row.get(after, 0) | mask


def _span(first: int, last: int) -> int:
    return (2 << last) - (1 << first)


def _classes(low: int, high: int, cuts: list[int]) -> list[tuple[int, int]]:
    """`low`..`high`, cut before each of `cuts`."""
    if not cuts:
        return [(low, high)]
    starts = sorted({low, *cuts})
    return list(zip(starts, [*(start - 1 for start in starts[1:]), high], strict=True))


def _stray_cuts(moves: _Moves, low: int, high: int) -> list[int]:
    """Bytes of `low`..`high` which, being part of no character, do else than the byte before."""
    return [code - STRAY for code in moves.cuts(STRAY + low, STRAY + high)]


def _code_cuts(moves: _Moves, zero: int, low: int, high: int, shift: int) -> list[int]:
    """Where bytes `low`..`high` are cut so that those of one class begin only characters that do the same.

    Otherwise it is a class of one byte. Each begins 1 << `shift` characters, `low` those from `zero` on.
    """
    found: list[int] = []
    for code in moves.cuts(zero, zero + ((high - low + 1) << shift) - 1):
        place = low + ((code - zero) >> shift)
        found.append(place)
        if (code - zero) & ((1 << shift) - 1) and place < high:
            found.append(place + 1)
    return found
