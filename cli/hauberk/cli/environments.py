"""Environments of hauberk.yaml: looked up by name, and applied to what was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hauberk.cli.config import Config
from hauberk.cli.loading import Loaded
from hauberk.policy.canonical import canonical
from hauberk.policy.environments import ActionOverride, Environment, with_actions
from hauberk.policy.parse import parse_policy
from hauberk.policy.problems import HauberkError
from hauberk.policy.tables import nearest
from hauberk.policy.workloads import Namespace, Place, Pods


def environment(config: Config, name: str) -> Environment:
    """Raises HauberkError for a name that hauberk.yaml does not have, and for two namespaces that would become one."""
    known = tuple(config.environments)
    if name not in known:
        close = nearest(name, known)
        listed = f"did you mean {close}?" if close else f"known are {', '.join(known) or 'none'}"
        raise HauberkError(f"{name}: no such environment in {config.path or 'hauberk.yaml (there is none)'}: {listed}")
    given = config.environments[name]
    overrides = [
        ActionOverride(one["from"], one["to"], one["reason"], tuple(one.get("policies", ())))
        for one in given.get("actions", ())
    ]
    found = Environment(
        name, given.get("namespaces", {}), given.get("labels", {}), given.get("posture", {}), tuple(overrides)
    )
    must_stay_apart(config.path, found, ())
    return found


def must_stay_apart(path: str, chosen: Environment, namespaces: Iterable[str]) -> None:
    """Raises HauberkError when two of the namespaces get one name: their policies would select each other's pods."""
    by_name: dict[str, str] = {}
    for namespace in sorted({*namespaces, *chosen.namespaces}):
        first = by_name.setdefault(chosen.namespace(namespace), namespace)
        if first != namespace:
            raise HauberkError(
                f"{path}: environments.{chosen.name}.namespaces: {first} and {namespace} would both be "
                f"{chosen.namespace(namespace)}: give each a name of its own"
            )


def in_environment(given: Iterable[Loaded], chosen: Environment) -> list[Loaded]:
    """The policies and postures of the environment, namespaces under their names in the repository.

    So two environments can be compared that name their namespaces differently. The sources must have kept their
    documents.
    """
    loaded = list(given)
    changed = [_policies(one, chosen) for one in loaded]
    manifests = [manifest for one in loaded for manifest in one.manifests]
    annotations: dict[str, dict[str, str]] = {}
    known = {manifest.namespace for manifest in manifests if isinstance(manifest, Pods)}
    known |= {space for one in changed for entry in one.entries if (space := entry.policy.effective_namespace)}
    for manifest in manifests:
        if isinstance(manifest, Namespace):
            annotations.setdefault(manifest.name, {}).update(manifest.annotations)
    postures = chosen.postures(annotations, known)
    namespaces = [Namespace(name, tuple(found.items()), Place("", 0)) for name, found in postures.items()]
    return [*changed, Loaded("", manifests=[*namespaces])]


def _policies(loaded: Loaded, chosen: Environment) -> Loaded:
    entries = list(loaded.entries)
    documents = loaded.documents()
    for subject in loaded.subjects:
        if subject.entry is None or subject.document is None:
            continue
        entry = entries[subject.entry]
        if not entry.policy.name:
            continue
        policy = parse_policy(with_actions(chosen, canonical(documents[subject.document].data)))
        if policy is not None:
            entries[subject.entry] = replace(entry, policy=policy, digest=b"")
    return replace(loaded, entries=entries)
