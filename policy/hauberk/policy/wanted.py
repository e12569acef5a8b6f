"""What a search for classes of targets is asked, what it may take up, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """What patterns may take up, states for the names of one directory, steps of one search, and searches.

    Each is some seconds or some hundred MiB at most; what is larger is given up and named. `beyond`: whether to ask
    also about what no policy has in mind: paths beyond the bounds of kubearmor's programs, unknown programs, and those
    that another one replaced when it started.
    """

    weight: int = 1_500_000
    components: int = 20_000
    steps: int = 1_200_000
    attempts: int = 5
    beyond: bool = True


class TooManyStepsError(Exception):
    """More classes than a search may look at."""


@dataclass(frozen=True, slots=True)
class TargetClass:
    """The matchers hit, by number, and the plainest target that hits them; `loose` ones are known of it alone."""

    hits: tuple[int, ...]
    target: str = ""
    loose: tuple[int, ...] = ()
    type: str = ""
    protocol: int = 0


Level = tuple[int, int, int]
"""Place among the entries of a list, the lower the earlier; comparable whatever the list."""

FIRST: Level = (-9, 0, 0)
LAST: Level = (9, 0, 0)


@dataclass(frozen=True, slots=True)
class Order:
    """By matcher: where entries stand in the lists.

    A name that hits one matcher more only hides what stands below it. So where other names do not hit it, and it
    stands above all that is wanted, or says the same, such a name need not be tried. `first` is of the entries that
    are asked about, which are `quiet` if all pass without a report; `last` of all entries, `loud` of those that do
    something else.
    """

    first: Sequence[Level]
    quiet: Sequence[bool]
    last: Sequence[Level]
    loud: Sequence[Level]


class Wanted:
    """The matchers whose classes are looked for; readers take out what they are done with."""

    __slots__ = ("everything", "ids", "order")

    def __init__(self, ids: Iterable[int] = (), *, everything: bool = False, order: Order | None = None) -> None:
        self.ids = set(ids)
        self.everything = everything
        self.order = order

    def any(self, hits: Iterable[int]) -> bool:
        return self.everything or not self.ids.isdisjoint(hits)


Hints = Mapping[str, Sequence[str]]
"""Names that occur in documents, by their directory (`""` is the root)."""
