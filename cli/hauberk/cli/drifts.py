"""How a cluster differs from git: the values between `hauberk drift` and its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hauberk.cli.changes import Diff
from hauberk.cli.fleet import Reported

Identity = tuple[str, str, str]
"""Kind, namespace ("" for cluster-scoped kinds) and name."""


def shown(identity: Identity) -> str:
    """`KubeArmorPolicy web/nginx`."""
    kind, namespace, name = identity
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


class DriftKind(StrEnum):
    """What is wrong with one object, in the order in which reports say it."""

    MISSING = "missing"
    """In git, and not in the cluster."""
    EXTRA = "extra"
    """In the cluster, and not in git."""
    EDITED = "edited"
    """Its digest is no longer that of its spec: somebody changed it after it was rendered."""
    OTHER = "other"
    """It means something else than in git: git went on, or it was never rendered."""
    PRUNED = "pruned"
    """The API server dropped fields that git has."""
    POSTURE = "posture"
    """A namespace has another posture."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the spec by its JSON pointer, and its values as JSON; None where it is not there."""

    pointer: str
    git: str | None
    cluster: str | None


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote a part of the spec besides the one that applies it from git, as `managedFields` has it."""

    name: str
    operation: str
    time: str


@dataclass(frozen=True, slots=True)
class ObjectDrift:
    """`place` is `file:line` in git, "" for what only the cluster has."""

    kind: DriftKind
    resource: str
    namespace: str
    name: str
    place: str = ""
    fields: tuple[Field, ...] = ()
    managers: tuple[Manager, ...] = ()

    @property
    def shown(self) -> str:
        return shown((self.resource, self.namespace, self.name))


@dataclass(slots=True)
class Drift:
    """`diff` is from git to the cluster: widened is what the cluster allows and git denies or reports."""

    cluster: str
    diff: Diff
    objects: list[ObjectDrift] = field(default_factory=list[ObjectDrift])
    notes: list[str] = field(default_factory=list[str])
    policies: tuple[int, int] = (0, 0)
    pods: int = 0
    reported: list[Reported] = field(default_factory=list[Reported])
    """What nodes say of policies of the cluster."""
