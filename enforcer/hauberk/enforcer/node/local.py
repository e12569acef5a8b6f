"""Policies of a folder, and what the command line says of the node: all that there is without a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hauberk.enforcer.node.folder import Folder
from hauberk.enforcer.node.wanted import Container, Inputs, PolicyObject
from hauberk.enforcer.policies import Given
from hauberk.policy.model import Posture


@dataclass(slots=True)
class Local:
    """A source for the daemon; labels of containers are those that their runtime told."""

    folder: Folder
    posture: Posture
    node: tuple[tuple[str, str], ...]

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        return self.folder.earlier(given)

    def start(self) -> None:
        """It is read by who asks."""

    def end(self) -> None:
        """There is nothing to end."""

    def ready(self) -> bool:
        self.folder.changed()
        return self.folder.was_read

    def knows(self, container: Container) -> bool:  # noqa: ARG002  there is nothing else to know
        return True

    def changed(self) -> bool:
        return self.folder.changed()

    def fill(self, containers: tuple[Container, ...]) -> Inputs:
        return Inputs(self.folder.policies(), {}, self.posture, self.node, containers)

    def problems(self) -> list[str]:
        return self.folder.problems()
