"""Cgroups that people name, by path or by a process in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.state import Group
from hauberk.policy.problems import HauberkError

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Tree:
    """The cgroups of a node."""

    cgroups: Path = CGROUPS
    proc: Path = PROC

    def named(self, paths: Iterable[str], pids: Iterable[int]) -> tuple[Group, ...]:
        """The cgroups at these paths and of these processes, each once.

        Raises:
            HauberkError: there is no such process or cgroup.
            RefusedError: it is the root of all, or the one in which this command runs.

        """
        folders = [self._folder(Path(path)) for path in paths] + [self._of(pid) for pid in pids]
        found: dict[int, Group] = {}
        for folder in folders:
            self._allowed(folder)
            group = Group(folder.stat().st_ino, str(folder))
            found.setdefault(group.id, group)
        return tuple(found.values())

    def _folder(self, path: Path) -> Path:
        # as systemd and runtimes say it, below the root of cgroups
        real = path.resolve()
        if not real.is_relative_to(self.cgroups):
            real = (self.cgroups / str(path).lstrip("/")).resolve()
        if not (real / "cgroup.procs").exists() or not real.is_relative_to(self.cgroups):
            raise HauberkError(
                f"{path}: no such cgroup below {self.cgroups}: `hauberk-enforcer check` says whether it has version 2"
            )
        return real

    def _of(self, pid: int) -> Path:
        try:
            lines = (self.proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise HauberkError(f"--pid {pid}: no such process ({error.strerror})") from None
        path = next((line[3:] for line in lines if line.startswith("0::")), None)
        if path is None or ".." in Path(path).parts:
            raise HauberkError(f"--pid {pid}: is in no cgroup of version 2 below {self.cgroups}")
        return self._folder(self.cgroups / path.lstrip("/"))

    def _allowed(self, folder: Path) -> None:
        if folder == self.cgroups:
            raise RefusedError(
                f"{folder} is the root of all cgroups: name one below it, or the node itself with --host"
            )
        if self._of_us().is_relative_to(folder):
            raise RefusedError(
                f"{folder} holds this command, too: run it from another cgroup, or it would confine itself"
            )

    def _of_us(self) -> Path:
        try:
            lines = (self.proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
        except OSError:
            return self.cgroups
        path = next((line[3:] for line in lines if line.startswith("0::")), "/")
        return self.cgroups / path.lstrip("/")

    def ids(self) -> dict[int, str]:
        """Path by id of all cgroups that exist."""
        return {group.id: group.path for group in self._walk()}

    def _walk(self) -> Iterator[Group]:
        waiting = [self.cgroups]
        while waiting:
            folder = waiting.pop()
            try:
                yield Group(folder.stat().st_ino, str(folder))
                waiting += [path for path in folder.iterdir() if path.is_dir()]
            except OSError:  # gone meanwhile
                continue


def exists(group: Group) -> bool:
    """Whether there is this very cgroup still."""
    try:
        return Path(group.path).stat().st_ino == group.id
    except OSError:
        return False


def slot_of(groups: Iterable[Group], registered: Mapping[int, int], paths: Mapping[int, str]) -> int | None:
    """The slot of the workload that has these cgroups already, None for a new one; `paths` are all cgroups by id.

    Raises:
        RefusedError: they belong to several workloads, or are inside or around one of another workload.

    """
    given = tuple(groups)
    slots = {registered[group.id] for group in given if group.id in registered}
    if len(slots) > 1:
        raise RefusedError("the cgroups belong to different workloads already: load each by itself")
    slot = next(iter(slots), None)
    others = {paths[number]: other for number, other in registered.items() if number in paths and other != slot}
    for group in given:
        for path in others:
            if Path(group.path).is_relative_to(path) or Path(path).is_relative_to(group.path):
                raise RefusedError(f"{group.path} and {path} of another workload are one inside the other: name one")
    return slot
