"""What is known of parts of groups, so that none is searched twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from hauberk.policy.apart import Regions
from hauberk.policy.model import Policy
from hauberk.policy.rulings import names_of
from hauberk.policy.tables import FAMILIAR_NAMES
from hauberk.policy.wanted import Hints

Found = TypeVar("Found")
Asked = dict[str, list[str]]


class Names(Mapping[str, Sequence[str]]):
    """The hints of a group, see `rulings.names_in`, by directory and as they are looked for; `asked` are those."""

    def __init__(self, policies: Sequence[Policy], names_of: Callable[[Policy], Mapping[str, Sequence[str]]]) -> None:
        self._policies = policies
        self._names_of = names_of
        self._known: Asked = {}
        self.asked: Asked = {}

    @cached_property
    def _of(self) -> list[Mapping[str, Sequence[str]]]:
        return [own for own in map(self._names_of, self._policies) if own]

    def __getitem__(self, directory: str) -> list[str]:
        found = self._known.get(directory)
        if found is None:
            names = dict.fromkeys(name for own in self._of for name in own.get(directory, ()))
            names.update(dict.fromkeys(FAMILIAR_NAMES.get(directory, ())))
            found = self._known[directory] = list(names)
        self.asked[directory] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*(directory for own in self._of for directory in own), *FAMILIAR_NAMES]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(slots=True)
class Memory:
    """What is known of parts, of all groups of one repository; `searches` counts those that were not known.

    A part is looked up by a key that has all that its answer hangs on but the hints, which are looked at here: most
    searches look for names in few directories.
    """

    regions: Regions = field(default_factory=Regions)
    searches: int = 0
    _names: dict[int, tuple[Policy, dict[str, list[str]]]] = field(
        default_factory=dict[int, tuple[Policy, dict[str, list[str]]]]
    )
    _known: dict[Hashable, list[tuple[Asked, object]]] = field(
        default_factory=dict[Hashable, list[tuple[Asked, object]]]
    )

    def names(self, policies: Sequence[Policy]) -> Names:
        """The hints of these policies."""
        return Names(policies, self._names_of)

    def _names_of(self, policy: Policy) -> dict[str, list[str]]:
        # the policy is kept, so that no other gets its id
        found = self._names.get(id(policy))
        if found is None:
            found = self._names[id(policy)] = policy, names_of((policy,))
        return found[1]

    def recall(self, key: Hashable, names: Names, work_out: Callable[[Hints], Found]) -> Found:
        """What is known under a key, where the names that were looked at are the same; else it is worked out."""
        known = self._known.setdefault(key, [])
        for asked, found in known:
            if all(names[directory] == before for directory, before in asked.items()):
                return found  # type: ignore[return-value]  # what is kept under a key is of one kind
        self.searches += 1
        names.asked = {}
        made = work_out(names)
        known.append((names.asked, made))
        return made
