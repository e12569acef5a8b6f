"""A repository opened for questions about single accesses: policies with their places, and the workloads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hauberk.cli import sources
from hauberk.cli.loading import Loaded, load
from hauberk.cli.sources import Source
from hauberk.policy.model import Policy
from hauberk.policy.problems import HauberkError
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.workloads import Manifest


@dataclass(frozen=True, slots=True)
class Opened:
    """`unread` are sources that could not be read whole, with what stands for their bytes.

    An answer without them may be another.
    """

    repository: Repository
    unread: tuple[tuple[str, bytes], ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of what could not be read whole."""
        return tuple(path for path, _ in self.unread)

    @property
    def policies(self) -> tuple[Policy, ...]:
        return tuple(entry.policy for entry in self.repository.entries)

    def place_of(self, name: str) -> str:
        """`file:line` of a rule by the name that decisions give it; "" when it is not found."""
        for entry in self.repository.entries:
            ids = (*(rule.id for rule in entry.policy.rules), *(preset.id for preset in entry.policy.presets))
            for identity, line in zip(ids, entry.lines, strict=True):
                if f"{entry.policy.name}:{identity}" == name:
                    return f"{entry.place.file}:{line}"
        return ""

    def place(self, policy: Policy, identity: str) -> tuple[str, int]:
        """File and line of an entry of one of the policies."""
        entry = next(entry for entry in self.repository.entries if entry.policy is policy)
        ids = (*(rule.id for rule in policy.rules), *(preset.id for preset in policy.presets))
        return entry.place.file, dict(zip(ids, entry.lines, strict=True)).get(identity, entry.place.line)


def open_repository(paths: Sequence[str], exclude: Sequence[str] = ()) -> Opened:
    """All policies and manifests below the paths."""
    names = sources.find(paths, markdown=False, exclude=exclude)
    opened = open_sources(sources.read(name) for name in names)
    must_have_policies(opened, paths)
    return opened


def must_have_policies(opened: Opened, paths: Sequence[str]) -> None:
    """Raises HauberkError where there is none, and says what could not be read."""
    if not opened.repository.entries:
        hidden = (
            f"; {opened.broken[0]} cannot be read: `hauberk lint {opened.broken[0]}` says why" if opened.broken else ""
        )
        raise HauberkError(f"no policy in {', '.join(paths)}{hidden}")


def open_sources(given: Iterable[Source]) -> Opened:
    """All policies and manifests of these sources; there may be none."""
    return open_loaded(load(source, keep=False) for source in given)


def open_loaded(given: Iterable[Loaded]) -> Opened:
    """The same of sources that were loaded already."""
    entries: list[Entry] = []
    manifests: list[Manifest] = []
    unread: list[tuple[str, bytes]] = []
    for loaded in given:
        entries.extend(loaded.entries)
        manifests.extend(loaded.manifests)
        if loaded.unreadable or any(subject.document is None for subject in loaded.subjects):
            unread.append((loaded.path, loaded.digest))
    return Opened(Repository(entries, manifests), tuple(unread))
