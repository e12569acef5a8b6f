"""`hauberk drift`: the policies of git against those of a cluster, object by object and by what they allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hauberk.cli.cluster import PLURALS, Live
from hauberk.cli.commands.diff import diff
from hauberk.cli.drifts import Drift, DriftKind, Field, Identity, Manager, ObjectDrift, shown
from hauberk.cli.fleet import reported
from hauberk.cli.livesides import identity_of, sides
from hauberk.cli.loading import Loaded
from hauberk.policy import digest
from hauberk.policy.canonical import canonical
from hauberk.policy.documents import read
from hauberk.policy.loose import is_list, is_mapping, listing, mapping
from hauberk.policy.model import Model, Posture
from hauberk.policy.problems import HauberkError
from hauberk.policy.validate import problems
from hauberk.policy.workloads import POSTURE_ANNOTATIONS, Namespace

MOST_NAMES = 5
"""Pods that are named where something is true of many."""

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
    configured: Posture | None,
    namespaces: Sequence[str],
    progress: Callable[[int, int], None],
) -> Drift:
    """Git first, then the cluster; with `namespaces`, of both only what lives there or in no namespace.

    `configured` is the posture where no annotation says one; None if hauberk.yaml does not say it. Raises HauberkError
    for two policies of git that are one object.
    """
    git = _in_git(loaded, namespaces, live)
    known = {identity_of(document): document for document in live.policies}
    postures = list(_postures(loaded, live, configured))
    git_side, cluster_side = sides(loaded, live, namespaces, model, own_postures=configured is not None)
    compared = diff(git_side, cluster_side, configured or Posture(), progress)
    found = Drift(live.name, compared, [*_objects(git, known), *postures], [*live.notes, *_notes(loaded, live, git)])
    found.policies, found.pods = (len(git), len(known)), live.pod_count
    found.reported = sorted(one for report in live.reports for one in reported(report))
    order = list(DriftKind)
    found.objects.sort(key=lambda one: (order.index(one.kind), one.resource, one.namespace, one.name))
    return found


def _in_git(loaded: Iterable[Loaded], namespaces: Sequence[str], live: Live) -> dict[Identity, _InGit]:
    """Policies of the kinds that were looked at in the cluster."""
    found: dict[Identity, _InGit] = {}
    for key, one in _written(loaded):
        first = found.setdefault(key, one)
        if first is not one:
            raise HauberkError(f"{one.place}: {shown(key)} is in {first.place} too: rename or remove one of them")
    return {
        key: one
        for key, one in found.items()
        if key[0] in PLURALS and key[0] not in live.unread and (not namespaces or key[1] in ("", *namespaces))
    }


def _notes(loaded: Iterable[Loaded], live: Live, git: Mapping[Identity, _InGit]) -> Iterator[str]:
    """What is not compared, or not enforced whatever the policies say."""
    others = sorted({key[0] for key, _ in _written(loaded) if key[0] not in PLURALS})
    if others:
        yield f"{', '.join(others)} of git are not looked at in the cluster: no model decides about them"
    off = [f"{m.get('namespace')}/{m.get('name')}" for pod in live.pods if _is_off(m := mapping(pod.get("metadata")))]
    if off:
        more = f" and {len(off) - MOST_NAMES} more" if len(off) > MOST_NAMES else ""
        yield f"nothing is enforced for pods with kubearmor-policy: disabled: {', '.join(off[:MOST_NAMES])}{more}"
    known = {manifest.name for one in loaded for manifest in one.manifests if isinstance(manifest, Namespace)}
    lived_in = {key[1] for key in git if key[1]} - known
    for name, postures in _live_postures(live).items():
        if name in lived_in and postures:
            said = ", ".join(f"{key}: {value}" for key, value in postures.items())
            yield f"namespace {name} has {said}, and no manifest in git that says so"


def _is_off(metadata: Mapping[str, Any]) -> bool:
    return str(mapping(metadata.get("annotations")).get("kubearmor-policy")).lower() == "disabled"


def _written(loaded: Iterable[Loaded]) -> Iterator[tuple[Identity, _InGit]]:
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
        fields, managers = tuple(_fields(one, document)), tuple(_managers(document))
        annotated = mapping(mapping(document.get("metadata")).get("annotations")).get(digest.ANNOTATION)
        now = digest.digest(document)
        if annotated is not None and annotated != now:
            yield ObjectDrift(DriftKind.EDITED, *key, one.place, fields, managers)
        elif digest.digest(one.document) != now or any(field.git is None for field in _unknown(one, document)):
            yield ObjectDrift(DriftKind.OTHER, *key, one.place, fields, managers)
        pruned = [pointer for pointer in one.unknown if _at(document, pointer) is None]
        if pruned:
            values = (Field(pointer, _json(_at(one.document, pointer)), None) for pointer in pruned)
            yield ObjectDrift(DriftKind.PRUNED, *key, one.place, tuple(values))
    for key, document in live.items():
        if key not in git:
            yield ObjectDrift(DriftKind.EXTRA, *key, managers=tuple(_managers(document)))


def _fields(one: _InGit, live: Mapping[str, Any]) -> Iterator[Field]:
    """Where the two specs differ, both in canonical form; then what of the cluster's no schema of ours knows."""
    git, cluster = canonical(one.document).get("spec", {}), canonical(live).get("spec", {})
    yield from _differing(git, cluster, "/spec")
    yield from _unknown(one, live)


def _unknown(one: _InGit, live: Mapping[str, Any]) -> Iterator[Field]:
    """Fields that the CRD of the cluster keeps, and that may mean anything to the KubeArmor there."""
    kind = str(live.get("kind"))
    text = json.dumps({"apiVersion": live.get("apiVersion"), "kind": kind, "spec": live.get("spec")})
    for document in read(text).documents:
        for problem in problems(document, kind):
            if problem.kind == "unknown-field" and problem.pointer.startswith("/spec/"):
                git, now = _at(one.document, problem.pointer), _at(live, problem.pointer)
                if git != now:
                    yield Field(problem.pointer, _json(git), _json(now))


def _differing(git: Any, cluster: Any, pointer: str) -> Iterator[Field]:
    if git == cluster:
        return
    if is_mapping(git) and is_mapping(cluster):
        for key in dict.fromkeys((*git, *cluster)):
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _differing(git.get(key), cluster.get(key), f"{pointer}/{escaped}")
    elif is_list(git) and is_list(cluster):
        # without what both begin and end with, an entry that was taken out does not make others of all that follow
        least = min(len(git), len(cluster))
        start = next((n for n in range(least) if git[n] != cluster[n]), least)
        end = next((n for n in range(least - start) if git[-1 - n] != cluster[-1 - n]), least - start)
        for index in range(start, max(len(git), len(cluster)) - end):
            one, other = (side[index] if index < len(side) - end else None for side in (git, cluster))
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


def _postures(loaded: Iterable[Loaded], live: Live, configured: Posture | None) -> Iterator[ObjectDrift]:
    """Namespaces whose postures the cluster has otherwise than git's manifests, or hauberk.yaml where there is none."""
    said: dict[str, tuple[dict[str, str], str]] = {}
    for one in loaded:
        for manifest in one.manifests:
            if isinstance(manifest, Namespace):
                annotations, _ = said.setdefault(manifest.name, ({}, f"{manifest.place.file}:{manifest.place.line}"))
                annotations.update({key: value for key, value in manifest.annotations if key in _POSTURES})
    assumed = {key: getattr(configured, domain) for domain, key in POSTURE_ANNOTATIONS.items()} if configured else None
    lived_in = {key[1] for key, _ in _written(loaded)}
    for name, now in _live_postures(live).items():
        if name in said:
            git, place = said[name]
            differing = [key for key in _POSTURES if git.get(key) != now.get(key)]
        elif assumed is not None and name in lived_in:
            git, place = assumed, ""
            differing = [key for key in now if git[key] != now[key]]
        else:
            continue
        fields = (Field(f"/metadata/annotations/{key}", _json(git.get(key)), _json(now.get(key))) for key in differing)
        if differing:
            yield ObjectDrift(DriftKind.POSTURE, "Namespace", "", name, place, tuple(fields))


def _live_postures(live: Live) -> dict[str, dict[str, str]]:
    """By namespace of the cluster its annotations that are postures."""
    found: dict[str, dict[str, str]] = {}
    for document in live.namespaces:
        metadata = mapping(document.get("metadata"))
        annotations = mapping(metadata.get("annotations"))
        found[str(metadata.get("name"))] = {key: str(annotations[key]) for key in _POSTURES if key in annotations}
    return found


_POSTURES = tuple(POSTURE_ANNOTATIONS.values())
