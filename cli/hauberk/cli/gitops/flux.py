"""What Flux needs beside the objects: namespaces it must not delete, and examples of a source and a Kustomization."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hauberk.cli.gitops.objects import File

_NAMESPACE = "flux-system"


def kept(file: File) -> File:
    """A Namespace that Flux leaves alone when it is no longer in the set: all that is in it would go with it."""
    if file.value["kind"] != "Namespace":
        return file
    return annotated(file, {"kustomize.toolkit.fluxcd.io/prune": "disabled"})


def annotated(file: File, annotations: dict[str, str]) -> File:
    metadata = dict(file.value["metadata"])
    metadata["annotations"] = dict(sorted({**metadata.get("annotations", {}), **annotations}.items()))
    return replace(file, value={**file.value, "metadata": metadata})


def examples() -> list[File]:
    """Objects of Flux itself, for its own repository: the set does not apply them."""
    git = _object("source.toolkit.fluxcd.io/v1", "GitRepository", interval="1m")
    git["spec"] |= {"url": "https://example.org/policies.git", "ref": {"branch": "main"}}
    oci = _object("source.toolkit.fluxcd.io/v1", "OCIRepository", interval="1m")
    oci["spec"] |= {"url": "oci://registry.example.org/policies", "ref": {"tag": "latest"}}
    named = {
        "git-source": git,
        "sync": _sync("GitRepository", "./rendered"),
        "oci-source": oci,
        # `hauberk bundle` puts what is in the folder at the root of the artifact
        "oci-sync": _sync("OCIRepository", "./"),
    }
    return [File(f"flux/{name}.yaml", value, None) for name, value in named.items()]


def _sync(source: str, path: str) -> dict[str, Any]:
    found = _object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", interval="10m")
    found["spec"] |= {
        "retryInterval": "1m",
        "timeout": "3m",
        "sourceRef": {"kind": source, "name": "policies"},
        "path": path,
        "prune": True,
        "wait": True,
        "healthCheckExprs": [_health("NodePolicyStatus"), _health("DriftReport"), _health("ClusterDriftReport")],
    }
    return found


def _object(version: str, kind: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "policies", "namespace": _NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _health(kind: str) -> dict[str, str]:
    """Without this kstatus waits until the timeout for an object that says Ready=False."""
    ready = 'has(status.conditions) && status.conditions.exists(c, c.type == "Ready" && c.status == "{}")'
    return {
        "apiVersion": "hauberk.dev/v1alpha1",
        "kind": kind,
        "current": ready.format("True"),
        "failed": ready.format("False"),
    }
