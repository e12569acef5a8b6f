"""What one environment (a cluster, a stage) has otherwise than the repository says: values in, values out.

Namespaces are named as the repository names them; only `namespaces` says what they are called in the environment.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from hauberk.policy.canonical import NAMESPACED
from hauberk.policy.loose import is_mapping, listing, mapping
from hauberk.policy.workloads import POSTURE_ANNOTATIONS

ANNOTATION = "hauberk.dev/action-override"
EVERY = "*"


@dataclass(frozen=True, slots=True)
class ActionOverride:
    """`before` becomes `after` in the policies whose NAME or NAMESPACE/NAME a glob matches; empty means all."""

    before: str
    after: str
    reason: str
    policies: tuple[str, ...] = ()

    def covers(self, namespace: str, name: str) -> bool:
        names = (name, f"{namespace}/{name}") if namespace else (name,)
        return not self.policies or any(fnmatchcase(text, glob) for glob in self.policies for text in names)


@dataclass(frozen=True, slots=True)
class Environment:
    """`posture` by namespace, `*` for all others: file, network, capabilities -> audit or block."""

    name: str
    namespaces: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    posture: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    actions: tuple[ActionOverride, ...] = ()

    def namespace(self, name: str) -> str:
        """What the namespace is called here."""
        return self.namespaces.get(name, name)

    def postures(self, given: Mapping[str, Mapping[str, str]], known: Iterable[str]) -> dict[str, dict[str, str]]:
        """Annotations by namespace: those that are given, and over them the environment's, for the known ones too."""
        found: dict[str, dict[str, str]] = {}
        for name in sorted({*given, *known, *(name for name in self.posture if name != EVERY)}):
            ours = {**self.posture.get(EVERY, {}), **self.posture.get(name, {})}
            annotations = {**given.get(name, {}), **{POSTURE_ANNOTATIONS[key]: value for key, value in ours.items()}}
            if annotations:
                found[name] = dict(sorted(annotations.items()))
        return found


def with_actions(environment: Environment, document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the policy with the first override that covers it applied, and its reason as an annotation."""
    found = copy.deepcopy(dict(document))
    metadata = found["metadata"]
    for override in environment.actions:
        if override.covers(metadata.get("namespace", ""), metadata["name"]):
            if _override(found, override):
                said = f"{override.before} to {override.after}: {override.reason}"
                annotations = {**metadata.get("annotations", {}), ANNOTATION: said}
                metadata["annotations"] = dict(sorted(annotations.items()))
            break
    return found


def placed(environment: Environment, document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the policy as it is named, labelled and selects in the environment."""
    found = copy.deepcopy(dict(document))
    metadata = found["metadata"]
    if found["kind"] in NAMESPACED:
        metadata["namespace"] = environment.namespace(metadata["namespace"])
    if environment.labels:
        labels = dict(sorted({**metadata.get("labels", {}), **environment.labels}.items()))
        annotations = metadata.pop("annotations", None)
        metadata["labels"] = labels
        if annotations:
            metadata["annotations"] = annotations
    for expression in listing(mapping(mapping(found.get("spec")).get("selector")).get("matchExpressions")):
        if is_mapping(expression) and expression.get("key") == "namespace":
            expression["values"] = [environment.namespace(name) for name in listing(expression.get("values"))]
    return found


def _override(document: dict[str, Any], override: ActionOverride) -> bool:
    """Whether anything changed. Afterwards no rule and no preset has the old action, inherited or its own."""
    spec: dict[str, Any] = document.get("spec", {})
    if document["kind"] == "KubeArmorNetworkPolicy":
        entries = [entry for name in ("ingress", "egress") for entry in _mappings(spec.get(name))]
        return _swap_all([*entries, spec], override)
    named = [spec[name] for name in ("process", "file", "network", "capabilities", "device") if name in spec]
    sections = [section for section in named if is_mapping(section)]
    rules = [rule for section in sections for rules in section.values() for rule in _mappings(rules)]
    changed = _swap_all([*rules, *sections], override)
    for preset in _mappings(spec.get("presets")):
        # what is not Audit blocks; KubeArmor does not let a preset inherit, so its action is written out
        own, outer = str(preset.get("action", "")), str(spec.get("action", ""))
        blocks = ((own or outer).lower() != "audit", own != "Audit")
        if any(blocks) if override.before == "Block" else not all(blocks):
            preset["action"] = override.after
            changed = True
    if not spec.get("action") and override.before == "Block" and (sections or "syscalls" in spec):
        spec["action"] = override.after
        return True
    return _swap_all([spec], override) or changed


def _mappings(value: object) -> list[dict[str, Any]]:
    """Rules of a list; a list of tags has none."""
    return [item for item in listing(value) if is_mapping(item)]


def _swap_all(holders: Iterable[dict[str, Any]], override: ActionOverride) -> bool:
    changed = False
    for holder in holders:
        if str(holder.get("action", "")).lower() == override.before.lower():
            holder["action"] = override.after
            changed = True
    return changed
