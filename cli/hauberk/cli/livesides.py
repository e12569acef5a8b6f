"""Git and a cluster as two sides of one comparison: the same workloads, and each its own policies and postures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hauberk.cli.cluster import Live
from hauberk.cli.commands.diff import Side
from hauberk.cli.drifts import Identity, shown
from hauberk.cli.loading import Loaded
from hauberk.cli.opened import Opened
from hauberk.policy import digest
from hauberk.policy.canonical import NAMESPACED
from hauberk.policy.loose import mapping
from hauberk.policy.model import Model
from hauberk.policy.parse import parse_policy
from hauberk.policy.repository import Entry, Repository
from hauberk.policy.workloads import Manifest, Namespace, Place, Pods, parse_manifest, targets_of


def identity_of(document: Mapping[str, Any]) -> Identity:
    """Of a policy, as a cluster knows it."""
    metadata = mapping(document.get("metadata"))
    kind = str(document.get("kind"))
    namespace = str(metadata.get("namespace") or "default") if kind in NAMESPACED else ""
    return kind, namespace, str(metadata.get("name") or "")


def sides(
    loaded: Sequence[Loaded], live: Live, namespaces: Sequence[str], model: Model, *, own_postures: bool
) -> tuple[Side, Side]:
    """Git, then the cluster; of git only the kinds that were looked at there.

    A namespace that only one of them has is the same on both, but with `own_postures`: then hauberk.yaml says what
    holds in those that git does not have. Policies come by identity: the order in which a cluster lists them is not
    that of the files, and says nothing of how they arrived.
    """
    manifests = [manifest for one in loaded for manifest in one.manifests]
    spaces, workloads = _parted(manifests)
    live_spaces, pods = _parted(_manifests(live))
    workloads += _not_described(pods, workloads)
    unread = tuple((one.path, one.digest) for one in loaded if not one.whole)
    entries = (entry for one in loaded for entry in one.entries)
    git, cluster = (
        Repository(
            sorted((e for e in own if _concerns(e, namespaces, live)), key=_identity_of_entry),
            [*workloads, *{**others, **named}.values()],
        )
        for own, named, others in (
            (entries, spaces, {} if own_postures else live_spaces),
            (_entries(live), live_spaces, spaces),
        )
    )
    return Side("git", Opened(git, unread), model), Side("cluster", Opened(cluster, ()), model)


def _parted(manifests: Iterable[Manifest]) -> tuple[dict[str, Namespace], list[Manifest]]:
    spaces: dict[str, Namespace] = {}
    others: list[Manifest] = []
    for manifest in manifests:
        if isinstance(manifest, Namespace):
            known = spaces.get(manifest.name, manifest)
            annotations = {**dict(known.annotations), **dict(manifest.annotations)}
            spaces[manifest.name] = replace(manifest, annotations=tuple(annotations.items()))
        else:
            others.append(manifest)
    return spaces, others


def _manifests(live: Live) -> Iterator[Manifest]:
    for document in (*live.namespaces, *live.pods):
        manifest = parse_manifest(document, Place(f"context {live.name}", 0))
        if manifest is not None:
            yield manifest


def _not_described(pods: Iterable[Manifest], known: Iterable[Manifest]) -> Iterator[Manifest]:
    """The pods that no manifest of git makes: what git names is called as in git."""
    described = {workload for manifest in known for workload in _workloads(manifest)}
    for pod in pods:
        if not _workloads(pod) <= described:
            yield pod


def _workloads(manifest: Manifest) -> set[object]:
    if not isinstance(manifest, Pods):
        return set()
    found = (target.workload for target in targets_of(manifest))
    return {(workload.namespace, frozenset(workload.labels), workload.container) for workload in found}


def _concerns(entry: Entry, namespaces: Sequence[str], live: Live) -> bool:
    namespace = entry.policy.effective_namespace
    if entry.policy.kind.value in live.unread:
        return False
    return not namespaces or namespace is None or namespace in namespaces


def _identity_of_entry(entry: Entry) -> Identity:
    return entry.policy.kind.value, entry.policy.effective_namespace or "", entry.policy.name


def _entries(live: Live) -> Iterator[Entry]:
    for document in live.policies:
        named = shown(identity_of(document))
        policy = parse_policy(document)
        if policy is None:
            live.notes.append(f"{named} in the cluster is no policy that Hauberk can read")
            continue
        count = len(policy.rules) + len(policy.presets)
        yield Entry(policy, Place(f"{named} in the cluster", 0), (0,) * count, digest.digest(document).encode())
