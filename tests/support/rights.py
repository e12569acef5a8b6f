"""Which rights of the API the daemon uses, and which its roles give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hauberk.enforcer.cluster.api import Api, Query
from support import ROOT

Right = tuple[str, str, str]
"""API group, resource and verb."""


class Recorded(Api):
    """Notes in `used` which rights its requests need."""

    def __init__(self, kubeconfig: Path, used: set[Right]) -> None:
        super().__init__(kubeconfig)
        self._used = used

    def _call(self, method: str, path: str, query: Query, *more: Any, **named: Any) -> Any:
        _, *parts = path.split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
        resource, *inside = rest[2:] if rest[0] == "namespaces" and len(rest) > 2 else rest
        name = "/".join([resource, *inside[1:]])
        verbs = {
            "GET": ["watch" if "watch" in query else "get" if inside else "list"],
            "POST": ["create"],
            # what is not there yet is created by its first patch
            "PATCH": ["patch"] if len(inside) > 1 or group == "events.k8s.io" else ["create", "patch"],
            "DELETE": ["delete"],
        }
        self._used.update((group, name, verb) for verb in verbs[method])
        return super()._call(method, path, query, *more, **named)


def granted() -> set[Right]:
    """By the roles that are deployed."""
    files = [ROOT / "deploy/enforcer/rbac.yaml", ROOT / "deploy/openreports-role.yaml"]
    documents = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    return {
        (group, resource, verb)
        for one in documents
        for rule in one.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
