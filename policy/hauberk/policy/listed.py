"""Decision lists as a search for reach reads them: by place, whose each entry is and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hauberk.policy.lists import ALWAYS, Condition, Origin
from hauberk.policy.model import Access, Op, Verdict
from hauberk.policy.rulings import Actor, Ranked, Voice, voice


@dataclass(slots=True)
class Ruled:
    """What is known of a rule; `entangled` if leaving it out does more than taking its entries from the lists.

    `needed` is an access that is decided or reported otherwise without it. `doubt` names what may hide an access
    that it decides. `asked` if it is to be found out whether it is needed.
    """

    origin: Origin
    place: int
    entangled: bool = False
    asked: bool = True
    settled: bool = False
    matchers: set[int] = field(default_factory=set[int])
    reached: Access | None = None
    needed: Access | None = None
    doubt: str | None = None
    covered: Access | None = None
    candidates: dict[frozenset[int], None] = field(default_factory=dict[frozenset[int], None])


UNCONDITIONAL: set[Condition | None] = {None}
NONE: frozenset[Condition] = frozenset()
NO_RULE = -1
PRESET = -2
Effect = tuple[Verdict, Voice | None]


Found = TypeVar("Found")


class _Lazy(dict[int, Found]):
    """What belongs to the places of a list, worked out where a class comes by: lists of sources are mostly alike."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[int], Found]) -> None:
        self._make = make

    def __missing__(self, place: int) -> Found:
        found = self[place] = self._make(place)
        return found


class Listed:
    """A list with its actor; by place of its entries, whose they are (a number, negative for no rule)."""

    __slots__ = ("actor", "conditions", "effects", "end", "op", "owners", "ranked", "voices", "watch_on", "watchers")

    def __init__(self, op: Op, actor: Actor, ranked: Ranked, owner: Callable[[Origin | None], int]) -> None:
        self.op: Op = op
        self.actor = actor
        self.ranked = ranked
        entries, watches, end = ranked.list.entries, ranked.list.watches, ranked.list.default

        def effect(place: int) -> Effect:
            entry = entries[place]
            return entry.verdict, None if entry.report is None else voice(entry.report, entry.origin)

        def condition(place: int) -> Condition | None:
            found = entries[place].condition
            return None if found is ALWAYS else found

        def watch_on(place: int) -> tuple[Condition, ...] | None:
            found = watches[place].conditions
            return None if ALWAYS in found else found

        self.conditions = _Lazy(condition)
        self.watch_on = _Lazy(watch_on)
        self.owners = _Lazy(lambda place: owner(entries[place].origin))
        self.effects = _Lazy(effect)
        self.end: Effect = (end.verdict, None if end.report is None else voice(end.report, None))
        self.watchers = _Lazy(lambda place: owner(watches[place].origin))
        self.voices = _Lazy(lambda place: voice(watches[place].report, watches[place].origin))

    def deciding(self, places: list[int]) -> list[int]:
        """Up to the second rule that decides always: what is behind decides nothing, even without the first."""
        always: int | None = None
        for index, place in enumerate(places):
            if self.conditions[place] is None:
                if always is None:
                    always = self.owners[place]
                elif self.owners[place] != always:
                    return places[: index + 1]
        return places
