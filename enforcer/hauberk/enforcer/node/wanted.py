"""What a node is to enforce, computed from policies and containers (pure; `links` looks into root file systems).

A policy that cannot be enforced is refused whole: the version of it that was accepted last goes on, and the other
policies with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hauberk.enforcer.kernel.encode import NotEncodableError, encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.policies import Given, lacking
from hauberk.enforcer.resolve import UnreadableError, resolved, written
from hauberk.enforcer.state import Generation, Group
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model, Policy, Posture, Workload
from hauberk.policy.selection import selects

NODE = "node"
"""What stands for the node itself among the ids of containers."""


@dataclass(frozen=True, slots=True)
class PolicyKey:
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class PolicyObject:
    """A policy as its source has it. `digest` names its whole text; `generation` is the API server's, 0 in a folder."""

    key: PolicyKey
    digest: str
    given: Given
    policy: Policy
    generation: int = 0
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """One that runs here; `pid` is its first process as the node counts.

    `root` is where its root file system stands while it is being made, "" once its process has it as its own.
    """

    id: str
    group: Group
    pid: int
    workload: Workload
    pod: str = ""
    image: str = ""
    root: str = ""


Links = Callable[[Container], Callable[[str], str]]
"""A container -> a path as written -> as the kernel knows it there."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """`postures` are those of namespaces that say one; `node` is the node's labels."""

    policies: tuple[PolicyObject, ...] = ()
    postures: Mapping[str, Posture] = field(default_factory=dict[str, Posture])
    posture: Posture = field(default_factory=Posture)
    node: tuple[tuple[str, str], ...] = ()
    containers: tuple[Container, ...] = ()


class Standing(StrEnum):
    """Of one policy on one node, from the best to the worst."""

    ENFORCED = "Enforced"
    PENDING = "Pending"
    PARTIAL = "Partial"
    REFUSED = "Refused"


class Cause(StrEnum):
    """Why a policy is not enforced as it is, in the word that conditions have for it."""

    UNSUPPORTED = "Unsupported"
    """It uses what the programs do not implement (HB607)."""
    CAPACITY = "CapacityExceeded"
    """It would take more than a bound allows."""
    KERNEL = "KernelRefused"
    PENDING = "Pending"
    """The kernel could not take it just now: it is tried again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`text` is for people."""

    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """Of one policy; `failure` says why it is not enforced as it is.

    `digest` is of the version that is enforced, "" for none; `workloads` are ids of containers, or `NODE`.
    """

    key: PolicyKey
    standing: Standing
    failure: Failure | None = None
    digest: str = ""
    workloads: tuple[str, ...] = ()
    rules: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one container, or the node, is to be judged by. Equal `key`s are equal entries in the kernel."""

    id: str
    group: Group | None
    generation: Generation
    image: Image
    policies: tuple[PolicyKey, ...]
    key: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Desired:
    wanted: Mapping[str, Wanted]
    standings: tuple[PolicyStanding, ...]
    accepted: Mapping[PolicyKey, PolicyObject]
    """The versions to go back to when a later one is refused."""
    failed: Mapping[str, Failure] = field(default_factory=dict[str, Failure])
    """By id of a container, why what is wanted there is not yet what its policies mean."""


class Planner:
    """Keeps the last accepted versions, and images that many containers share.

    `accepted` are those that an earlier daemon left at work: what is refused now was refused before the restart, too.
    """

    def __init__(self, links: Links, accepted: Iterable[PolicyObject] = ()) -> None:
        self._links = links
        self._accepted = {one.key: one for one in accepted}
        self._images: dict[tuple[object, ...], Image] = {}

    def plan(self, inputs: Inputs) -> Desired:
        """What is to be in the kernel, and how each policy stands if all of it gets there."""
        places = tuple(_places(inputs))
        refused = {
            one.key: Failure(Cause.UNSUPPORTED, reasons[0])
            for one in inputs.policies
            if (reasons := lacking(one.given))
        }
        used: dict[tuple[object, ...], Image] = {}
        wanted: dict[str, Wanted] = {}
        failed: dict[str, Failure] = {}
        while True:
            chosen = _Chosen(self._in_force(inputs, refused))
            try:
                for place in places:
                    found = self._wanted(place, inputs, chosen, used, failed)
                    if found is not None:
                        wanted[found.id] = found
            except _RefusedPolicyError as error:
                if error.key in refused:
                    # the version before it does not go with the others either
                    self._accepted.pop(error.key, None)
                refused.setdefault(error.key, error.failure)
                wanted.clear()
                failed.clear()
                continue
            break
        self._images = used
        self._accepted = {one.key: one for one in self._in_force(inputs, refused)}
        return Desired(wanted, tuple(self._standings(inputs, wanted, refused)), dict(self._accepted), failed)

    def _in_force(self, inputs: Inputs, refused: Mapping[PolicyKey, Failure]) -> tuple[PolicyObject, ...]:
        before = (self._before(one) if one.key in refused else one for one in inputs.policies)
        return tuple(one for one in before if one is not None)

    def _before(self, one: PolicyObject) -> PolicyObject | None:
        """The version to go back to; not one of another object of that name, which was deleted meanwhile."""
        found = self._accepted.get(one.key)
        return None if found is None or (one.uid and found.uid and one.uid != found.uid) else found

    def _wanted(
        self,
        place: Container,
        inputs: Inputs,
        choice: _Chosen,
        used: dict[tuple[object, ...], Image],
        failed: dict[str, Failure],
    ) -> Wanted | None:
        chosen, paths = choice.of(place.workload)
        if not chosen:
            return None
        posture = inputs.postures.get(place.workload.namespace or "", inputs.posture)
        resolve = self._links(place)
        links: dict[str, str] = {}
        unread: list[str] = []
        for path in paths:
            try:
                if (real := resolve(path)) != path:
                    links[path] = real
            except UnreadableError as error:
                # the rule is there as it is written, and looked up again until it can be
                unread.append(path)
                failed.setdefault(place.id, Failure(Cause.PENDING, str(error)))
        given = tuple(one.given for one in chosen)
        versions = tuple((one.key, one.digest) for one in chosen)
        generation = Generation(0, place.workload, posture, given, links, "", tuple(unread))
        key = (place.workload, posture, versions, tuple(links.items()), generation.unread)
        image = used.get(key) or self._images.get(key)
        if image is None:
            image = _encoded(generation, chosen)
        used[key] = image
        keys = tuple(one.key for one in chosen)
        return Wanted(place.id, place.group if place.id != NODE else None, generation, image, keys, key)

    def _standings(
        self, inputs: Inputs, wanted: Mapping[str, Wanted], refused: Mapping[PolicyKey, Failure]
    ) -> Iterator[PolicyStanding]:
        on: dict[PolicyKey, list[str]] = {}
        for place in wanted.values():
            for key in place.policies:
                on.setdefault(key, []).append(place.id)
        for one in inputs.policies:
            held = self._accepted.get(one.key)
            rules = len(held.policy.rules) + len(held.policy.presets) if held else 0
            yield PolicyStanding(
                one.key,
                Standing.REFUSED if one.key in refused else Standing.ENFORCED,
                refused.get(one.key),
                held.digest if held else "",
                tuple(sorted(on.get(one.key, ()))),
                rules,
                one.generation,
            )


class _Chosen:
    """Of the policies in force, those that select a workload, and their paths in order: asked for many containers."""

    def __init__(self, policies: Sequence[PolicyObject]) -> None:
        self._policies = policies
        self._known: dict[Workload, tuple[tuple[PolicyObject, ...], tuple[str, ...]]] = {}

    def of(self, workload: Workload) -> tuple[tuple[PolicyObject, ...], tuple[str, ...]]:
        found = self._known.get(workload)
        if found is None:
            chosen = tuple(one for one in self._policies if selects(Model.HAUBERK, one.policy, workload))
            paths = {path for one in chosen for path in written(one.policy)}
            found = self._known[workload] = chosen, tuple(sorted(paths))
        return found


class _RefusedPolicyError(Exception):
    def __init__(self, key: PolicyKey, failure: Failure) -> None:
        super().__init__(failure.text)
        self.key, self.failure = key, failure


def _places(inputs: Inputs) -> Iterator[Container]:
    yield from inputs.containers
    yield Container(NODE, Group(0, ""), 1, Workload(None, node_labels=inputs.node))


def _encoded(generation: Generation, chosen: Sequence[PolicyObject]) -> Image:
    try:
        return encode(generation.compiled())
    except NotEncodableError as error:
        # by itself each of them tells whether it is the one
        for one in chosen:
            try:
                alone = resolved(one.policy, lambda path: generation.links.get(path, path))
                encode(compile_policies(Model.HAUBERK, [alone], generation.workload, generation.posture))
            except NotEncodableError as found:
                rule = f"{found.origin.entry.pointer}: " if found.origin else ""
                said = f"{rule}{found.reason} (HB607)"
                raise _RefusedPolicyError(one.key, Failure(Cause.UNSUPPORTED, said)) from None
        # only together: the last one that came is the one too many
        said = f"with the others of its workloads: {error.reason}"
        raise _RefusedPolicyError(chosen[-1].key, Failure(Cause.CAPACITY, said)) from None


def lowest(standings: Iterable[Standing]) -> Standing:
    """The worst of them, `ENFORCED` of none."""
    order = list(Standing)
    return max(standings, key=order.index, default=Standing.ENFORCED)
