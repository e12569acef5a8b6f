"""CustomResourceDefinitions of the policies, made from the schemas that lint checks documents with.

For clusters without KubeArmor: what they accept is what KubeArmor's own accept.
"""

from __future__ import annotations

from typing import Any

from hauberk.policy.canonical import NAMESPACED
from hauberk.policy.schema import KINDS, Schema, schema_of

Crd = dict[str, Any]

_SHORT = {
    "KubeArmorPolicy": "ksp",
    "KubeArmorClusterPolicy": "csp",
    "KubeArmorHostPolicy": "hsp",
    "KubeArmorNetworkPolicy": "nsp",
}
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_FOR_CONTAINERS = "has(self.selector) && (has(self.selector.matchLabels) || has(self.selector.matchExpressions))"


def policy_crds() -> list[Crd]:
    """Of all kinds of policies, in the order of the schemas."""
    return [_policy_crd(kind) for kind in KINDS]


def definition(
    group: str, version: str, kind: str, *, namespaced: bool, short: str, schema: Schema, columns: list[dict[str, Any]]
) -> Crd:
    """A CRD with one version, which is served and stored, and the status subresource."""
    singular = kind.lower()
    plural = singular[:-1] + "ies" if singular.endswith("y") else singular + ("es" if singular.endswith("s") else "s")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "shortNames": [short],
                "singular": singular,
            },
            "scope": "Namespaced" if namespaced else "Cluster",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def column(name: str, path: str, kind: str = "string", *, wide: bool = False) -> dict[str, Any]:
    """A printer column; `wide` ones are shown by `-o wide` only."""
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": 1} if wide else {})


def _policy_crd(kind: str) -> Crd:
    schema = structural(schema_of(kind))
    # an object is no document: kubectl and the server give it what a document must have
    del schema["required"]
    if kind == "KubeArmorNetworkPolicy":
        schema["properties"]["spec"]["x-kubernetes-validations"] = _network_rules()
    schema["description"] = f"{kind}: which programs, files, networks and capabilities are allowed, blocked or audited"
    selector = {
        "KubeArmorPolicy": ".spec.selector.matchLabels",
        "KubeArmorClusterPolicy": ".spec.selector.matchExpressions",
    }.get(kind, ".spec.nodeSelector.matchLabels")
    columns = [
        column("Action", ".spec.action"),
        column("Selector", selector, wide=True),
        column("Age", ".metadata.creationTimestamp", "date"),
    ]
    return definition(
        "security.kubearmor.com",
        "v1",
        kind,
        namespaced=kind in NAMESPACED,
        short=_SHORT[kind],
        schema=schema,
        columns=columns,
    )


def structural(schema: Schema) -> Schema:
    """The schema in the form that a CRD takes: unknown fields are pruned, bounds of int32 are a format."""
    found: Schema = {"type": schema["type"]} if "type" in schema else {"type": "string"}
    if schema.get("maximum") == _INT32["maximum"]:
        found["format"] = "int32"
    for key in ("enum", "pattern", "minLength", "maxLength", "maxItems", "required"):
        if key in schema:
            found[key] = schema[key]
    for key, bound in _INT32.items():
        if key in schema and schema[key] != bound:
            found[key] = schema[key]
    if "items" in schema:
        found["items"] = structural(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = structural(schema["additionalProperties"])
    if "properties" in schema:
        found["properties"] = {name: structural(inner) for name, inner in schema["properties"].items()}
        if "metadata" in found["properties"]:
            # the API server knows what metadata is
            found["properties"]["metadata"] = {"type": "object"}
    return found


def _network_rules() -> list[dict[str, str]]:
    """What the schema says by `if` and `then`."""
    quota = "only rules with limit and duration are for containers"
    return [
        {
            "rule": f"!({_FOR_CONTAINERS} && has(self.nodeSelector))",
            "message": "nodeSelector and a selector exclude each other: a policy is for nodes or for containers",
        },
        *(
            {
                "rule": f"!({_FOR_CONTAINERS}) || !has(self.{name}) || "
                f"self.{name}.all(r, has(r.limit) && has(r.duration))",
                "message": f"{name}: {quota}",
            }
            for name in ("ingress", "egress")
        ),
    ]
