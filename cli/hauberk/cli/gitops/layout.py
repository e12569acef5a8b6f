"""An OCI image layout with one artifact, as Flux's source-controller takes it: bytes that depend on the files only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from hauberk.cli.gitops.packing import gzipped, tarred
from hauberk.policy.digest import ANNOTATION

CONFIG_TYPE = "application/vnd.cncf.flux.config.v1+json"
CONTENT_TYPE = "application/vnd.cncf.flux.content.v1.tar+gzip"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CREATED = "1970-01-01T00:00:00Z"


def layout(files: Mapping[str, bytes], tag: str, annotations: Mapping[str, str]) -> tuple[str, dict[str, bytes]]:
    """Digest of the manifest, and the layout's files by name."""
    archive = tarred(files)
    content = gzipped(archive)
    config = _json(
        {
            "architecture": "",
            "config": {},
            "created": _CREATED,
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [_digest(archive)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": [_descriptor(CONTENT_TYPE, content)],
            "annotations": {"org.opencontainers.image.created": _CREATED, **annotations},
        }
    )
    named = {"org.opencontainers.image.ref.name": tag, ANNOTATION: annotations[ANNOTATION]}
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX_TYPE,
        "manifests": [{**_descriptor(_MANIFEST_TYPE, manifest), "annotations": named}],
    }
    blobs = {f"blobs/{_digest(data).replace(':', '/')}": data for data in (config, content, manifest)}
    whole = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index), **blobs}
    return _digest(manifest), whole


def is_ours(index: bytes) -> bool:
    """Whether all that an `index.json` names was written here."""
    try:
        manifests: Any = json.loads(index)["manifests"]
        return all(ANNOTATION in one["annotations"] for one in manifests)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _descriptor(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
