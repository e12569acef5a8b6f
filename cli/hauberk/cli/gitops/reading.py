"""Sources -> what is rendered: policies as documents with their places, and namespaces with their postures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hauberk.cli import sources
from hauberk.cli.drifts import shown
from hauberk.cli.gitops.folder import is_ours
from hauberk.cli.loading import Loaded, Subject, load
from hauberk.cli.sources import Source
from hauberk.policy.canonical import canonical
from hauberk.policy.documents import Document
from hauberk.policy.loose import mapping
from hauberk.policy.model import GROUP_VERSION
from hauberk.policy.problems import HauberkError
from hauberk.policy.validate import problems
from hauberk.policy.workloads import POSTURE_ANNOTATIONS, Namespace


@dataclass(frozen=True, slots=True)
class Written:
    """A policy as its author wrote it, in canonical form; `place` is `file:line:column` of its document.

    `refused` is what the API server does not take of the document, each with its place.
    """

    value: Mapping[str, Any]
    place: str
    refused: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace ("" for cluster-scoped kinds) and name: what a cluster knows it by."""
        metadata = self.value["metadata"]
        return self.value["kind"], metadata.get("namespace", ""), metadata["name"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """`postures` are annotations of KubeArmor by namespace, of those whose manifests have one."""

    policies: tuple[Written, ...]
    postures: Mapping[str, Mapping[str, str]]


def find(paths: Sequence[str], exclude: Sequence[str]) -> list[Source]:
    """The sources below the paths, without those that were rendered."""
    given = [sources.read(name) for name in sources.find(paths, markdown=False, exclude=exclude)]
    return [source for source in given if not is_ours(source.data)]


def read(given: Iterable[Source]) -> Inputs:
    """Raises HauberkError for a source that cannot be read whole, and where two policies are one to a cluster."""
    policies: list[Written] = []
    postures: dict[str, dict[str, str]] = {}
    for source in given:
        loaded = load(source, keep=True)
        _must_be_whole(loaded)
        policies += [_policy(loaded, subject) for subject in loaded.subjects if subject.ref is not None]
        for manifest in loaded.manifests:
            if isinstance(manifest, Namespace):
                keys = POSTURE_ANNOTATIONS.values()
                found = {key: value for key, value in manifest.annotations if key in keys}
                if found:
                    postures.setdefault(manifest.name, {}).update(found)
    must_differ(policies)
    return Inputs(tuple(policies), postures)


def _must_be_whole(loaded: Loaded) -> None:
    if loaded.unreadable:
        raise HauberkError(loaded.unreadable)
    for subject in loaded.subjects:
        if subject.document is None:
            problem = subject.problems[0]
            at = f":{problem.position.line}:{problem.position.column}" if problem.position else ""
            raise HauberkError(f"{loaded.path}{at}: {problem.message}; `hauberk lint {loaded.path}` says more")


def document_of(loaded: Loaded, subject: Subject) -> Document:
    return loaded.documents()[subject.document or 0]


def _policy(loaded: Loaded, subject: Subject) -> Written:
    document = document_of(loaded, subject)

    def place(pointer: str) -> str:
        at = document.value_at(pointer)
        return f"{loaded.path}:{at.line}:{at.column}"

    value = canonical(document.data)
    for key in ("name", "namespace"):
        given = mapping(document.data.get("metadata")).get(key)
        if given is not None and not isinstance(given, str):
            shown, at = json.dumps(given, default=str), place(f"/metadata/{key}")
            raise HauberkError(f"{at}: metadata.{key} is {shown}, which is no text: write a name, in quotes if need be")
    if not value["metadata"]["name"]:
        raise HauberkError(f"{place('')}: a policy without metadata.name: give it one")
    # what else there is, unknown fields and nulls, is left out of what is written
    found = [(one.pointer, one.message) for one in problems(document, value["kind"]) if one.kind == "schema"]
    version = document.data.get("apiVersion")
    if version != GROUP_VERSION:
        said = "missing" if version is None else json.dumps(version, default=str)
        found.insert(0, ("/apiVersion", f"apiVersion is {said}, and only {GROUP_VERSION} is known"))
    return Written(value, place(""), tuple(f"{place(pointer)}: {message}" for pointer, message in found))


def must_differ(policies: Iterable[Written]) -> None:
    """Raises HauberkError for two policies that are one object; no namespace and `default` are the same."""
    seen: dict[tuple[str, str, str], Written] = {}
    for one in policies:
        first = seen.setdefault(one.identity, one)
        if first is not one:
            raise HauberkError(
                f"{one.place}: {shown(one.identity)} is in {first.place} too: rename or remove one of them"
            )
