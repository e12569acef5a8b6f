"""Makes an image of one layer of a folder, as an OCI archive (OCI image layout 1.0).

usage: pack.py ROOT OUT.tar NAME:TAG PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

_ENVIRONMENT = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "PYTHONUNBUFFERED=1"]
_TYPE = "application/vnd.oci.image"


class Archive:
    """The blobs of an image, by digest."""

    def __init__(self, out: tarfile.TarFile, time: int) -> None:
        self._out, self._time = out, time

    def add(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = len(data), self._time
        self._out.addfile(entry, io.BytesIO(data))

    def blob(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        self.add(f"blobs/sha256/{digest}", data)
        return {"mediaType": f"{_TYPE}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def document(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return self.blob(kind, _json(value))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def layer(root: Path, time: int) -> bytes:
    """All below `root` as a tar, in the order of names and root's: the same files are the same bytes."""

    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = time
        return entry

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            if path.is_symlink() or path.is_dir() or path.is_file():
                tar.add(path, str(path.relative_to(root)), recursive=False, filter=owned)
    return data.getvalue()


def main(root: Path, out: Path, tag: str, program: str, *arguments: str) -> None:
    time = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    whole = layer(root, time)
    aside = out.with_name(f".{out.name}-{os.getpid()}")
    with tarfile.open(aside, "w") as tar:
        archive = Archive(tar, time)
        archive.add("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        packed = archive.blob("layer.v1.tar+gzip", gzip.compress(whole, compresslevel=6, mtime=0))
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": [program], "Cmd": list(arguments), "Env": _ENVIRONMENT},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(whole).hexdigest()}"]},
        }
        manifest = archive.document(
            "manifest.v1+json",
            {
                "schemaVersion": 2,
                "mediaType": f"{_TYPE}.manifest.v1+json",
                "config": archive.document("config.v1+json", config),
                "layers": [packed],
            },
        )
        # containerd names what it imports by the first, others by the second
        names = {"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": tag.rpartition(":")[2]}
        index = {"schemaVersion": 2, "manifests": [{**manifest, "annotations": names}]}
        archive.add("index.json", _json(index))
    aside.replace(out)
    print(f"{out}: {tag}, {len(whole) / 1e6:.0f} MB, {manifest['digest']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
