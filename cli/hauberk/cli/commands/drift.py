"""`hauberk drift`: the policies of git against those of a cluster, object by object and by what they allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hauberk.cli.cluster import Live
from hauberk.cli.commands.diff import diff
from hauberk.cli.drifts import Drift, DriftKind, Field, Manager, ObjectDrift
from hauberk.cli.livesides import Identity, identity_of, sides
from hauberk.cli.loading import Loaded
from hauberk.policy import digest
from hauberk.policy.canonical import canonical
from hauberk.policy.loose import is_list, is_mapping, listing, mapping
from hauberk.policy.model import Model, Posture
from hauberk.policy.workloads import POSTURE_ANNOTATIONS, Namespace

MOST_FIELDS = 20
"""Differing fields that are named for one object."""

# they apply what git has, so that they own the spec is no news
_DELIVERERS = frozenset(("kustomize-controller", "argocd-controller", "flux", "hauberk"))


@dataclass(frozen=True, slots=True)
class _InGit:
    document: Mapping[str, Any]
    place: str
    unknown: tuple[str, ...]


def drift(
    loaded: Sequence[Loaded],
    live: Live,
    model: Model,
    configured: Posture,
    namespaces: Sequence[str],
    progress: Callable[[int, int], None],
) -> Drift:
    """Git first, then the cluster; with `namespaces`, of both only what lives there or in no namespace."""
    git = {key: one for key, one in _in_git(loaded) if not namespaces or key[1] in ("", *namespaces)}
    known = {identity_of(document): document for document in live.policies}
    if namespaces and any("are not looked at" in note for note in live.notes):
        # who may not read policies of the whole cluster is told nothing about them
        git = {key: one for key, one in git.items() if key[1]}
    git_side, cluster_side = sides(loaded, live, namespaces, model)
    found = Drift(live.name, diff(git_side, cluster_side, configured, progress), notes=list(live.notes))
    found.policies, found.pods = (len(git), len(known)), live.pod_count
    found.objects += _objects(git, known)
    found.objects += _postures(loaded, live)
    order = list(DriftKind)
    found.objects.sort(key=lambda one: (order.index(one.kind), one.resource, one.namespace, one.name))
    return found


def _in_git(loaded: Iterable[Loaded]) -> Iterator[tuple[Identity, _InGit]]:
    for one in loaded:
        documents = one.documents()
        for subject in one.subjects:
            if subject.ref is None or subject.document is None:
                continue
            document = documents[subject.document]
            unknown = tuple(problem.pointer for problem in subject.problems if problem.kind == "unknown-field")
            place = f"{one.path}:{document.value_at('').line}"
            yield identity_of(document.data), _InGit(document.data, place, unknown)


# ------------------------------------------------------------------------------------- object by object


def _objects(git: Mapping[Identity, _InGit], live: Mapping[Identity, Mapping[str, Any]]) -> Iterator[ObjectDrift]:
    for key, one in git.items():
        if key not in live:
            yield ObjectDrift(DriftKind.MISSING, *key, one.place)
            continue
        document = live[key]
        fields, managers = tuple(_fields(one, document))[:MOST_FIELDS], tuple(_managers(document))
        annotated = mapping(mapping(document.get("metadata")).get("annotations")).get(digest.ANNOTATION)
        now = digest.digest(document)
        if annotated is not None and annotated != now:
            yield ObjectDrift(DriftKind.EDITED, *key, one.place, fields, managers)
        elif digest.digest(one.document) != now:
            yield ObjectDrift(DriftKind.OTHER, *key, one.place, fields, managers)
        pruned = [pointer for pointer in one.unknown if _at(document, pointer) is None]
        if pruned:
            values = (Field(pointer, _json(_at(one.document, pointer)), None) for pointer in pruned)
            yield ObjectDrift(DriftKind.PRUNED, *key, one.place, tuple(values)[:MOST_FIELDS])
    for key, document in live.items():
        if key not in git:
            yield ObjectDrift(DriftKind.EXTRA, *key, managers=tuple(_managers(document)))


def _fields(one: _InGit, live: Mapping[str, Any]) -> Iterator[Field]:
    """Where the two specs differ, both in canonical form."""
    git, cluster = canonical(one.document)["spec"], canonical(live)["spec"]
    yield from _differing(git, cluster, "/spec")


def _differing(git: Any, cluster: Any, pointer: str) -> Iterator[Field]:
    if git == cluster:
        return
    if is_mapping(git) and is_mapping(cluster):
        for key in dict.fromkeys((*git, *cluster)):
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _differing(git.get(key), cluster.get(key), f"{pointer}/{escaped}")
    elif is_list(git) and is_list(cluster):
        for index in range(max(len(git), len(cluster))):
            one, other = (side[index] if index < len(side) else None for side in (git, cluster))
            yield from _differing(one, other, f"{pointer}/{index}")
    else:
        yield Field(pointer, _json(git), _json(cluster))


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _at(document: Mapping[str, Any], pointer: str) -> Any:
    found: Any = document
    for escaped in pointer.split("/")[1:]:
        part = escaped.replace("~1", "/").replace("~0", "~")
        if is_mapping(found):
            found = found.get(part)
        elif is_list(found) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _managers(document: Mapping[str, Any]) -> Iterator[Manager]:
    for entry in map(mapping, listing(mapping(document.get("metadata")).get("managedFields"))):
        name = str(entry.get("manager") or "")
        if name not in _DELIVERERS and "f:spec" in mapping(entry.get("fieldsV1")):
            yield Manager(name, str(entry.get("operation") or ""), str(entry.get("time") or ""))


def _postures(loaded: Iterable[Loaded], live: Live) -> Iterator[ObjectDrift]:
    """Namespaces of git whose postures the cluster has otherwise; those that git does not have are not git's."""
    cluster = {
        str(mapping(document["metadata"]).get("name")): mapping(mapping(document["metadata"]).get("annotations"))
        for document in live.namespaces
    }
    for one in loaded:
        for manifest in one.manifests:
            if not isinstance(manifest, Namespace) or manifest.name not in cluster:
                continue
            values = [(key, manifest.annotation(key), cluster[manifest.name].get(key)) for key in _POSTURES]
            fields = tuple(
                Field(f"/metadata/annotations/{key}", _json(git), _json(now)) for key, git, now in values if git != now
            )
            if fields:
                place = f"{manifest.place.file}:{manifest.place.line}"
                yield ObjectDrift(DriftKind.POSTURE, "Namespace", "", manifest.name, place, fields)


_POSTURES = tuple(POSTURE_ANNOTATIONS.values())
