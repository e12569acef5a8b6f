"""A group asked with all of its rules at once: the answers by which those by parts are judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from hauberk.policy.decision import Compiled
from hauberk.policy.model import Access, Model, Policy, Posture, Workload
from hauberk.policy.partly import Said, Shell
from hauberk.policy.reach import Finding, reach
from hauberk.policy.rulings import names_in
from hauberk.policy.shells import shells

Spot = tuple[int, int]


class AtOnce:
    """See `partly.Partly`."""

    def __init__(
        self,
        policies: Sequence[Policy],
        of: Mapping[Model, Sequence[int]],
        workload: Workload,
        posture: Posture,
        compiled: Mapping[Model, Compiled],
    ) -> None:
        self._policies = policies
        self._of = of
        self._workload = workload
        self._posture = posture
        self._compiled = compiled
        self._found: dict[tuple[Model, Spot], Finding] = {}
        self.names = names_in(policies)

    def reach(
        self, model: Model, order: Sequence[int], ask: Collection[Spot] | None, only: Collection[Spot] | None = None
    ) -> Iterator[Said]:
        """What is found of the rules when the policies arrive in this order; `only` these rules, if given."""
        places = {number: place for place, number in enumerate(order)}
        asked = None if ask is None else {(places[number], rule) for number, rule in ask if number in places}
        compiled = self._compiled[model] if list(order) == list(self._of[model]) else None
        policies = [self._policies[number] for number in order]
        for one in reach(model, policies, self._workload, self._posture, ask=asked, compiled=compiled):
            spot = order[one.policy], one.rule
            if only is None or spot in only:
                cover = tuple((order[policy], entry) for policy, entry in one.covering)
                if compiled is not None:
                    self._found[model, spot] = one
                yield Said(spot, one.standing, one.redundant, cover, None, one.cause)

    def access(self, model: Model, said: Said) -> Access | None:
        """One that the rule matches and others decide, by the order of the files; decided once more for this."""
        return self._found[model, said.spot].covered

    def shells(self, model: Model) -> Iterator[Shell]:
        """Directories that are opened or removed by their rule, while others decide all names in them."""
        numbers = self._of[model]

        def spot(place: Spot) -> Spot:
            return numbers[place[0]], place[1]

        for own, access, over in shells(self._compiled[model], [self._policies[number] for number in numbers]):
            yield Shell(spot(own), access, spot(over))

    def loud(self) -> None:
        """The domains in which the models may part: it is not known of any that they do not."""
