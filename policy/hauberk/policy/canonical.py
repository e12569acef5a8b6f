"""A policy's document in canonical form: as its author wrote it, fields in the schema's order, defaults left out.

Nothing is resolved or moved here: what a rule inherits stays inherited, and lists keep their order, as it has a meaning
in the kubearmor model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hauberk.policy.loose import is_list, is_mapping, mapping
from hauberk.policy.model import GROUP_VERSION
from hauberk.policy.schema import Schema, schema_of

NAMESPACED = frozenset(("KubeArmorPolicy",))
"""Kinds that live in a namespace; the others are cluster-scoped, whatever their documents say."""

# to every reader they are what a missing field is
_DEFAULTS: dict[str, Any] = {"recursive": False, "readOnly": False, "ownerOnly": False, "pts": True, "severity": 0}


def canonical(document: Mapping[str, Any]) -> dict[str, Any]:
    """The object as it is written for a cluster: without status, and of metadata only what authors write.

    The document must be one that the schema of its kind accepts; a namespace is written out where one counts.
    """
    kind: str = document["kind"]
    found: dict[str, Any] = {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": _metadata(kind, document)}
    if document.get("spec") is not None:
        found["spec"] = pruned(mapping(document["spec"]), schema_of(kind)["properties"]["spec"])
    return found


def _metadata(kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    given = mapping(document.get("metadata"))
    found: dict[str, Any] = {"name": given.get("name")}
    if kind in NAMESPACED:
        found["namespace"] = given.get("namespace") or "default"
    for name in ("labels", "annotations"):
        texts = {key: value for key, value in sorted(mapping(given.get(name)).items()) if value is not None}
        if texts:
            found[name] = texts
    return found


def pruned(value: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The known fields in the schema's order; unknown ones, nulls, defaults and what is empty are left out."""
    required = schema.get("required", ())
    found: dict[str, Any] = {}
    for name, inner in schema.get("properties", {}).items():
        item = value.get(name)
        default = _DEFAULTS.get(name)
        if item is None or (type(item) is type(default) and item == default):
            continue
        item = _pruned(item, inner)
        if item in ("", [], {}) and name not in required:
            continue
        found[name] = item
    return found


def _pruned(value: Any, schema: Schema) -> Any:
    if is_list(value):
        # an empty entry is one: `fromSource: [{}]` names a source that no program has
        return [_pruned(item, schema.get("items", {})) for item in value]
    if is_mapping(value):
        if "properties" in schema:
            return pruned(value, schema)
        return {key: item for key, item in sorted(value.items()) if item is not None}
    return value
