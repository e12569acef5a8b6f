"""What this node was told to enforce, in a file: the kernel holds numbers and hashes, and cannot say it back.

Written aside and renamed; bounded, versioned and checked on reading. `locked` keeps two commands from changing the
kernel at once.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hauberk.enforcer import aside
from hauberk.enforcer.aside import folder_of
from hauberk.enforcer.policies import Given
from hauberk.enforcer.resolve import resolved
from hauberk.policy.decision import Compiled, compile_policies
from hauberk.policy.inputs import parse_posture, parse_workload
from hauberk.policy.model import Model, Posture, Workload
from hauberk.policy.problems import HauberkError

DEFAULT = Path("/run/hauberk/state.json")
VERSION = 3
MOST_BYTES = 64 << 20
GENERATIONS = 3
"""Of a workload's policies that are kept: records of an earlier one may still wait in the ring."""


@dataclass(frozen=True, slots=True)
class Group:
    """A cgroup: its id is what the kernel knows."""

    id: int
    path: str


@dataclass(frozen=True, slots=True)
class Generation:
    """What a workload's tasks are judged by; `version` is what records call it, the id of its map in the kernel.

    `links` leads from paths as written to those that the kernel knows; where `unread` ones lead nobody could see.
    """

    version: int
    workload: Workload
    posture: Posture
    policies: tuple[Given, ...]
    links: Mapping[str, str]
    digest: str
    unread: tuple[str, ...] = ()

    def compiled(self) -> Compiled:
        """The decision lists that the kernel got."""
        policies = [resolved(given.policy, lambda path: self.links.get(path, path)) for given in self.policies]
        return compile_policies(Model.HAUBERK, policies, self.workload, self.posture)


@dataclass(frozen=True, slots=True)
class Held:
    """A workload's place: its cgroups, and what holds there, the newest first."""

    groups: tuple[Group, ...]
    generations: tuple[Generation, ...]

    @property
    def now(self) -> Generation:
        return self.generations[0]

    def of(self, version: int) -> Generation | None:
        """What records of that version were judged by, None when it is not known any more."""
        return next((one for one in self.generations if one.version == version), None)

    def followed_by(self, generation: Generation, groups: tuple[Group, ...]) -> Held:
        return Held(groups, (generation, *self.generations)[:GENERATIONS])


@dataclass(frozen=True, slots=True)
class State:
    """By slot; `programs` are the links that were pinned."""

    slots: Mapping[int, Held] = field(default_factory=dict[int, Held])
    programs: tuple[str, ...] = ()

    def with_slot(self, slot: int, held: Held) -> State:
        return replace(self, slots={**self.slots, slot: held})


def read(path: Path) -> State | None:
    """The state, None when there is none.

    Raises:
        HauberkError: it is damaged, too large or of another version.

    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MOST_BYTES:
        raise HauberkError(f"{path}: is over {MOST_BYTES >> 20} MiB, no state of ours: remove it, and load again")
    try:
        document = json.loads(data)
        version = document["version"]
        if version == VERSION:
            return _state(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, HauberkError) as error:
        raise HauberkError(f"{path}: is damaged ({_short(error)}): remove it, and load again") from None
    raise HauberkError(f"{path}: has version {version}, this enforcer {VERSION}: unload, and load again")


def _short(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else (str(error) or type(error).__name__)[:100]


def write(path: Path, state: State) -> None:
    """The whole state or, where it cannot be written, what was there before.

    Raises:
        HauberkError: it would be too large to be read again.

    """
    data = json.dumps(_document(state), separators=(",", ":"), ensure_ascii=True).encode()
    if len(data) > MOST_BYTES:
        raise HauberkError(f"{path}: the state would be over {MOST_BYTES >> 20} MiB: load fewer policies")
    aside.write(path, data)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, name: str = "lock", *, busy: str = "") -> Generator[None]:
    """Nobody else is in here with the same name; waits for them, or with `busy` refuses so."""
    folder_of(path)
    with path.with_name(name).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise HauberkError(busy) from None
        yield


# -- as a document


def _document(state: State) -> dict[str, Any]:
    # many workloads share the policies of a daemon: each object is written once
    shared: dict[int, tuple[int, Given]] = {}
    slots = {str(slot): _held_document(held, shared) for slot, held in sorted(state.slots.items())}
    policies = [asdict(given) for _, given in shared.values()]
    return {"version": VERSION, "programs": list(state.programs), "policies": policies, "slots": slots}


def _held_document(held: Held, shared: dict[int, tuple[int, Given]]) -> dict[str, Any]:
    return {
        "cgroups": [asdict(group) for group in held.groups],
        "generations": [
            {
                "version": one.version,
                "workload": workload_document(one.workload),
                "posture": asdict(one.posture),
                "policies": [shared.setdefault(id(given), (len(shared), given))[0] for given in one.policies],
                "links": dict(one.links),
                "digest": one.digest,
                "unread": list(one.unread),
            }
            for one in held.generations
        ],
    }


def workload_document(workload: Workload) -> dict[str, Any]:
    """As `parse_workload` reads it."""
    return {
        "namespace": workload.namespace,
        "labels": dict(workload.labels),
        "container": workload.container,
        "node_labels": dict(workload.node_labels),
    }


def _state(document: dict[str, Any]) -> State:
    policies = tuple(map(_given, document["policies"]))
    slots = {int(slot): _held(given, policies) for slot, given in document["slots"].items()}
    return State(slots, tuple(_texts(document["programs"])))


def _held(given: dict[str, Any], policies: tuple[Given, ...]) -> Held:
    groups = tuple(Group(_whole(one["id"]), _text(one["path"])) for one in given["cgroups"])
    generations = tuple(_generation(one, policies) for one in given["generations"])
    if not generations:
        raise ValueError("a workload without policies")
    return Held(groups, generations)


def _generation(given: dict[str, Any], policies: tuple[Given, ...]) -> Generation:
    numbers = [_whole(number) for number in given["policies"]]
    if any(not 0 <= number < len(policies) for number in numbers):
        raise ValueError("a policy that is not there")
    return Generation(
        version=_whole(given["version"]),
        workload=parse_workload(given["workload"]),
        posture=parse_posture(given["posture"]),
        policies=tuple(policies[number] for number in numbers),
        links={_text(key): _text(value) for key, value in given["links"].items()},
        digest=_text(given["digest"]),
        unread=tuple(_texts(given.get("unread", []))),
    )


def _given(one: dict[str, Any]) -> Given:
    lines = {_text(key): _whole(value) for key, value in one["lines"].items()}
    found = Given(_text(one["file"]), _whole(one["line"]), lines, one["document"])
    _ = found.policy
    return found


def _texts(values: list[Any]) -> Iterator[str]:
    return map(_text, values)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value
