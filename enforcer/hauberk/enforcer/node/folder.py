"""Policies of a folder, watched: the default where there is no cluster, on virtual machines and bare metal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hauberk.enforcer.node.wanted import PolicyKey, PolicyObject
from hauberk.enforcer.policies import Given, files, read_file
from hauberk.policy.model import Policy
from hauberk.policy.problems import HauberkError

_Stamp = tuple[int, int, int]


def text_digest(document: dict[str, Any]) -> str:
    """Names the whole text of a policy: equal digests are equal documents."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class _Seen:
    stamp: _Stamp
    good: list[PolicyObject]
    wrong: list[str]


@dataclass(slots=True)
class Folder:
    """A file is read again when it changes; while something in it is wrong, what it said before goes on.

    `was_read` says whether all paths were there once: before that, nothing may be taken for gone.
    """

    paths: tuple[str, ...]
    was_read: bool = False
    _seen: dict[Path, _Seen] = field(default_factory=dict[Path, _Seen])
    _away: list[str] = field(default_factory=list[str])
    _earlier: dict[Path, list[PolicyObject]] = field(default_factory=dict[Path, list[PolicyObject]])

    def earlier(self, given: Iterable[Given]) -> tuple[PolicyObject, ...]:
        """What was in force before this process: of a file that is wrong when it is read first, this goes on."""
        found = {one.key: one for one in (object_of(one, one.policy) for one in given)}
        for one in found.values():
            self._earlier.setdefault(Path(one.given.file).resolve(), []).append(one)
        return tuple(found.values())

    def changed(self) -> bool:
        """Whether a file came, went or changed since the last time."""
        # while a folder is away, as when it is replaced by another, what was in it goes on
        self._away = [f"{path}: is not there" for path in self.paths if not Path(path).exists()]
        if self._away:
            return False
        try:
            now = dict(self._listed())
        except OSError as error:
            self._away = [f"{error.filename}: {error.strerror}"]
            return False
        self.was_read = True
        if {path: seen.stamp for path, seen in self._seen.items()} == now:
            return False
        self._seen = {path: self._read(path, stamp) for path, stamp in now.items()}
        # a file that comes anew later has nothing to do with one of its name that went
        self._earlier.clear()
        return True

    def _listed(self) -> Iterator[tuple[Path, _Stamp]]:
        for path in files(self.paths):
            try:
                status = path.stat()
            except OSError:
                if str(path) in self.paths:
                    raise
                # gone since its folder was listed
                continue
            yield path, (status.st_mtime_ns, status.st_size, status.st_ino)

    def _read(self, path: Path, stamp: _Stamp) -> _Seen:
        before = self._seen.get(path)
        if before is not None and before.stamp == stamp:
            return before
        try:
            read = read_file(path)
            good, wrong = [object_of(one.given, one.policy) for one in read.policies], read.wrong
        except HauberkError as error:
            good, wrong = [], [str(error)]
        except OSError as error:
            good, wrong = [], [f"{path}: {error.strerror}"]
        if wrong:
            good = before.good if before is not None else self._with_earlier(path, good)
        return _Seen(stamp, good, wrong)

    def _with_earlier(self, path: Path, good: list[PolicyObject]) -> list[PolicyObject]:
        earlier = self._earlier.get(path.resolve(), [])
        known = {one.key for one in earlier}
        return [*earlier, *(one for one in good if one.key not in known)]

    def problems(self) -> list[str]:
        """What is wrong with files as they are now."""
        said = [*self._away]
        said += [problem for seen in self._seen.values() for problem in seen.wrong]
        return said + [problem for _, problem in self._twice()]

    def policies(self) -> tuple[PolicyObject, ...]:
        """Of two with one name, the first file's."""
        found: dict[PolicyKey, PolicyObject] = {}
        for one in self._all():
            found.setdefault(one.key, one)
        return tuple(found.values())

    def _all(self) -> Iterator[PolicyObject]:
        for path in sorted(self._seen):
            yield from self._seen[path].good

    def _twice(self) -> Iterator[tuple[PolicyKey, str]]:
        first: dict[PolicyKey, PolicyObject] = {}
        for one in self._all():
            key = one.key
            if key in first:
                there = first[key].given.place(None)
                yield key, f"{one.given.place(None)}: {key} is in {there}, too: rename one of them"
            first.setdefault(key, one)


def object_of(given: Given, policy: Policy) -> PolicyObject:
    key = PolicyKey(policy.kind.value, policy.effective_namespace or "", policy.name)
    return PolicyObject(key, text_digest(given.document), given, policy)
