"""Everything about an access but its target: each way to meet and to miss the conditions of some entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from hauberk.policy.lists import Arguments, Condition
from hauberk.policy.matching import octets
from hauberk.policy.model import Access

MOST = 512
PROGRAM = "program"

_FLAGS = ("owner", "tty", "chown", "other_process", "container_exec")
_MANY = 21
"""More arguments than kubearmor's programs read."""


class TooManyWaysError(Exception):
    """More combinations of argument lists than we look at."""


@dataclass(frozen=True, slots=True)
class Way:
    """`access` has the attributes; `holding` are the conditions that hold under them."""

    access: Access
    holding: frozenset[Condition]


class Ways:
    """The ways for a set of conditions, found once; the plainest first."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[frozenset[Condition], tuple[Way, ...]] = {}

    def of(self, conditions: frozenset[Condition]) -> tuple[Way, ...]:
        found = self._known.get(conditions)
        if found is None:
            found = self._known[conditions] = tuple(_ways(conditions))
        return found


def _ways(conditions: frozenset[Condition]) -> Iterator[Way]:
    used = [flag for flag in _FLAGS if any(getattr(c, flag) is not None for c in conditions)]
    lists = [c.arguments for c in conditions if c.arguments is not None]
    seen: set[frozenset[Condition]] = set()
    for argv in _argument_vectors(lists):
        for values in product((False, True), repeat=len(used)):
            odd = {flag for flag, value in zip(used, values, strict=True) if value}
            access = Access(
                "exec",
                uid=1000 if "owner" in odd else 0,
                tty="tty" in odd,
                how="chown" if "chown" in odd else "",
                other_process="other_process" in odd,
                container_exec="container_exec" in odd,
                args=argv,
            )
            holding = frozenset(c for c in conditions if c.holds(access))
            if holding not in seen:
                seen.add(holding)
                yield Way(access, holding)


def _argument_vectors(lists: Iterable[Arguments]) -> list[tuple[str, ...]]:
    """An argv for each set of lists that can pass together while the others fail."""
    unique = list(dict.fromkeys(lists))
    if not unique:
        return [()]
    listed = [frozenset(map(octets, one.listed)) for one in unique]
    sizes = [one.size for one in unique if one.size is not None]
    fresh = "--other"
    while any(octets(fresh) in words for words in listed):
        fresh += "x"
    words: dict[tuple[bool, ...], str] = {}
    for word in (fresh, *sorted({word for one in unique for word in one.listed})):
        # what kubearmor cuts to a listed word is not that word to us
        for text in (word, f"{word}x") if sizes and len(octets(word)) >= min(sizes) else (word,):
            members = tuple(octets(text)[: one.size] in words for one, words in zip(unique, listed, strict=True))
            words.setdefault(members, text)
    if len(words) > MOST:
        raise TooManyWaysError
    found: dict[tuple[bool, ...], tuple[str, ...]] = {}
    queue: list[tuple[tuple[bool, ...], tuple[str, ...]]] = [((True,) * len(unique), (PROGRAM,))]
    for passing, argv in queue:
        longer: list[tuple[tuple[bool, ...], tuple[str, ...]]]
        longer = [(members, (*argv, word)) for members, word in words.items()]
        if argv[1:]:
            longer.append(((True,) * len(unique), (*argv, *argv[-1:] * _MANY)))
        for members, given in longer:
            passed = tuple(
                before and member and (one.most is None or len(given) <= one.most)
                for before, member, one in zip(passing, members, unique, strict=True)
            )
            if passed not in found:
                if len(found) >= MOST:
                    raise TooManyWaysError
                found[passed] = given
                queue.append((passed, given))
    return list(found.values())


def at(access: Access, way: Way) -> Access:
    """The access in this way."""
    given = way.access
    # spelt out: `replace` takes five times as long, and there is one of these for each rule
    return Access(
        access.op,
        access.target,
        access.source,
        access.parent_source,
        given.uid,
        access.owner_uid,
        given.tty,
        given.args,
        given.how or access.how,
        access.type,
        access.protocol,
        given.other_process,
        given.container_exec,
    )
