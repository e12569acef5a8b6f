"""Files -> policies that are whole: whatever is wrong with any of them is told, with its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hauberk.enforcer.faults import RefusedError
from hauberk.policy.documents import Document, decode
from hauberk.policy.documents import read as parse
from hauberk.policy.loose import is_mapping, mapping
from hauberk.policy.model import GROUP_VERSION, Policy, Preset, Rule
from hauberk.policy.parse import parse_policy
from hauberk.policy.problems import HauberkError, Problem
from hauberk.policy.schema import KINDS
from hauberk.policy.validate import problems as schema_problems

MOST_BYTES = 64 << 20
_SUFFIXES = (".yaml", ".yml", ".json")
_NETWORK = "KubeArmorNetworkPolicy"
_UNKNOWN_SECTIONS = {
    "syscalls": "syscalls are never enforced, and not reported either",
    "device": "devices are not enforced",
}


@dataclass(frozen=True, slots=True)
class Given:
    """A policy as it was read; `lines` are those of its rules and presets, by JSON pointer."""

    file: str
    line: int
    lines: dict[str, int]
    document: dict[str, Any]

    @property
    def policy(self) -> Policy:
        found = parse_policy(self.document)
        if found is None:
            raise HauberkError(f"{self.file}:{self.line}: is no policy")
        return found

    def place(self, entry: Rule | Preset | None) -> str:
        """`file:line` of a rule, or of the policy."""
        return f"{self.file}:{self.lines.get(entry.pointer, self.line) if entry else self.line}"


@dataclass(frozen=True, slots=True)
class Read:
    """A policy with what only its text can say: the place of anything in it, and sections that no model carries."""

    given: Given
    policy: Policy
    document: Document
    beyond: tuple[str, ...]

    def place(self, pointer: str) -> str:
        at = self.document.place(pointer)
        return f"{self.given.file}:{at.line}:{at.column}"


def read_policies(paths: Sequence[str]) -> list[Read]:
    """All policies of the files, and of those below the folders.

    Raises:
        RefusedError: with everything that is wrong with any of them.
        HauberkError: a file cannot be read, or there is no policy at all.

    """
    found, _ = read_documents(paths)
    if not found:
        raise HauberkError(f"no policy in {', '.join(paths)}: give files or folders with KubeArmor policies")
    return found


def read_documents(paths: Sequence[str]) -> tuple[list[Read], list[tuple[str, Document]]]:
    """The same, where there may be none, and all documents that are no policies, each with its file.

    Raises:
        RefusedError: as above.
        HauberkError: a file cannot be read.

    """
    found: list[Read] = []
    others: list[tuple[str, Document]] = []
    wrong: list[str] = []
    for path in files(paths):
        one = read_file(path)
        found += one.policies
        others += [(path.as_posix(), document) for document in one.others]
        wrong += one.wrong
    if wrong:
        raise RefusedError("\n  ".join(["nothing is changed, as the policies have problems:", *wrong]))
    return found, others


def files(paths: Sequence[str]) -> Iterator[Path]:
    """Those that are named, and those below the folders that are. Raises OSError where a folder cannot be listed."""
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=_raised):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(_SUFFIXES))


def _raised(error: OSError) -> None:
    raise error


def _bytes(path: Path) -> bytes:
    # not blocking: a pipe without a writer must not stop the run
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor, no path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise HauberkError(f"{path}: is not a regular file")
        if status.st_size > MOST_BYTES:
            raise HauberkError(f"{path}: is over {MOST_BYTES >> 20} MiB")
        return file.read(MOST_BYTES)


@dataclass(slots=True)
class ReadFile:
    """The policies of one file, its other documents, and what is wrong with it, each with its place."""

    policies: list[Read] = field(default_factory=list[Read])
    others: list[Document] = field(default_factory=list[Document])
    wrong: list[str] = field(default_factory=list[str])


def read_file(path: Path) -> ReadFile:
    """Raises HauberkError where it cannot be read."""
    name = path.as_posix()
    text = decode(_bytes(path))
    if isinstance(text, Problem):
        return ReadFile(wrong=[_said(name, text, None)])
    found = ReadFile()
    parsed = parse(text)
    if parsed.skipped:
        found.wrong.append(f"{name}: {parsed.skipped}")
    found.wrong += [_said(name, problem, None) for problem in parsed.problems if _counts(problem)]
    for document in parsed.documents:
        if is_mapping(document.data) and document.data.get("kind") in KINDS:
            _read_document(name, document, found.policies, found.wrong)
        else:
            found.others.append(document)
    return found


def _read_document(name: str, document: Document, found: list[Read], wrong: list[str]) -> None:
    data = document.data
    problems = [problem for problem in document.problems if _counts(problem)] + schema_problems(document, data["kind"])
    if data.get("apiVersion") != GROUP_VERSION:
        problems.append(Problem("kind", "/apiVersion", f"{data['kind']} is known as {GROUP_VERSION} only"))
    if data["kind"] == _NETWORK:
        problems.append(Problem("kind", "/kind", f"{_NETWORK} is not enforced (HB607)"))
    if problems:
        wrong += [_said(name, problem, document) for problem in problems]
        return
    policy = parse_policy(data)
    assert policy is not None  # noqa: S101  the other kinds are parsed, see above
    entries: tuple[Rule | Preset, ...] = (*policy.rules, *policy.presets)
    lines = {entry.pointer: document.value_at(entry.pointer).line for entry in entries}
    given = Given(name, document.value_at("").line, lines, data)
    spec = mapping(data.get("spec"))
    found.append(Read(given, policy, document, tuple(section for section in _UNKNOWN_SECTIONS if spec.get(section))))


def lacking(given: Given) -> list[str]:
    """The same as `beyond` for a policy whose places nobody knows."""
    spec = mapping(given.document.get("spec"))
    return [f"/spec/{section}: {text} (HB607)" for section, text in _UNKNOWN_SECTIONS.items() if spec.get(section)]


def beyond(read: Read) -> list[str]:
    """What the policy has that no model carries, as reasons not to enforce it."""
    return [f"{read.place(f'/spec/{section}')}: {_UNKNOWN_SECTIONS[section]} (HB607)" for section in read.beyond]


def _counts(problem: Problem) -> bool:
    return problem.detail.get("severity") != "warning"


def _said(name: str, problem: Problem, document: Document | None) -> str:
    at = problem.position or (document.place(problem.pointer) if document else None)
    return f"{name}:{at.line}:{at.column}: {problem.message}" if at else f"{name}: {problem.message}"
