"""Images made by hand: ELF files, layers, layouts, archives, and one in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hauberk.policy.images import Content, FileEntry, FileKind, ImageConfig

File = tuple[str, bytes | str | None]
"""Name and content: bytes of a file, text `-> x` of a link, `=> x` of a hard link, None of a folder."""


def elf(
    *needed: str,
    interpreter: str = "/lib64/ld.so",
    rpath: str = "",
    runpath: str = "",
    kind: int = 3,
    machine: int = 62,
) -> bytes:
    """A 64-bit ELF file with program headers only, all of it mapped at 0."""
    strings, tags = bytearray(b"\0"), list[tuple[int, int]]()
    for tag, text in (*((1, name) for name in needed), (15, rpath), (29, runpath)):
        if text:
            tags.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    path = interpreter.encode() + b"\0" if interpreter else b""
    start = 64 + 56 * (3 if path else 2)
    at_strings = start + len(path)
    at_dynamic = (at_strings + len(strings) + 7) // 8 * 8
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in (*tags, (5, at_strings), (0, 0)))
    size = at_dynamic + len(dynamic)
    headers = [(1, 0, size), (2, at_dynamic, len(dynamic))] + ([(3, start, len(path))] if path else [])
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    data = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    data += b"".join(struct.pack("<IIQQQQQQ", t, 4, at, at, at, length, length, 8) for t, at, length in headers)
    return (data + path + bytes(strings)).ljust(at_dynamic, b"\0") + dynamic


def tar(files: Iterable[File | tarfile.TarInfo]) -> bytes:
    """An archive with the members in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in files:
            member, data = (item, b"") if isinstance(item, tarfile.TarInfo) else _member(*item)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _member(name: str, content: bytes | str | None) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.mode = 0o755
    if isinstance(content, bytes):
        member.size = len(content)
        return member, content
    member.type = tarfile.DIRTYPE
    if content is not None:
        member.type = tarfile.SYMTYPE if content.startswith("-> ") else tarfile.LNKTYPE
        member.linkname = content[3:]
    return member, b""


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def configuration(layers: Sequence[bytes], **config: Any) -> bytes:
    return json.dumps(
        {"config": config, "rootfs": {"type": "layers", "diff_ids": [sha256(one) for one in layers]}}
    ).encode()


@dataclass
class Layout:
    """Blobs of an OCI layout; what is in `index` becomes its manifests."""

    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    index: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def blob(self, data: bytes, **more: Any) -> dict[str, Any]:
        self.blobs[sha256(data)] = data
        return {"digest": sha256(data), "size": len(data), **more}

    def image(
        self, *layers: bytes, packed: bool = True, config: bytes | None = None, **settings: Any
    ) -> dict[str, Any]:
        """The descriptor of a manifest for these layers (tar archives)."""
        manifest = {
            "schemaVersion": 2,
            "config": self.blob(config or configuration(layers, **settings)),
            "layers": [self.blob(gzip.compress(one, mtime=0) if packed else one) for one in layers],
        }
        return self.blob(json.dumps(manifest).encode(), mediaType="application/vnd.oci.image.manifest.v1+json")

    def files(self) -> dict[str, bytes]:
        found = {f"blobs/{digest.replace(':', '/')}": data for digest, data in self.blobs.items()}
        found["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        found["index.json"] = json.dumps({"schemaVersion": 2, "manifests": self.index}).encode()
        return found

    def folder(self, path: Path) -> Path:
        for name, data in self.files().items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        return path

    def archive(self, path: Path) -> Path:
        path.write_bytes(tar(self.files().items()))
        return path


def layout(path: Path, *layers: Iterable[File | tarfile.TarInfo], **settings: Any) -> Path:
    """The folder of a layout with one image."""
    made = Layout()
    made.index.append(made.image(*map(tar, layers), **settings))
    return made.folder(path)


def docker_archive(
    path: Path, *layers: Iterable[File | tarfile.TarInfo], tags: Sequence[str] = (), **config: Any
) -> Path:
    """What `docker save` wrote before it wrote layouts."""
    archives = [tar(layer) for layer in layers]
    settings = configuration(archives, **config)
    name = f"{sha256(settings).removeprefix('sha256:')}.json"
    files: dict[str, bytes] = {name: settings}
    files |= {f"{number}/layer.tar": data for number, data in enumerate(archives)}
    manifest = {"Config": name, "RepoTags": list(tags), "Layers": [f"{n}/layer.tar" for n in range(len(archives))]}
    files["manifest.json"] = json.dumps([manifest]).encode()
    path.write_bytes(tar(files.items()))
    return path


@dataclass
class Memory:
    """An `Image` of a few files, links as in `File`; parents are there by themselves."""

    files: Mapping[str, bytes | str | Content]
    config: ImageConfig = field(default_factory=ImageConfig)
    notes: Sequence[str] = ()

    def entry(self, path: str) -> FileEntry | None:
        if path in self.files:
            found = self.files[path]
            if isinstance(found, str):
                return FileEntry(FileKind.LINK, target=found.removeprefix("-> "))
            return FileEntry(FileKind.FILE)
        inside = any(name.startswith(f"{path}/") for name in self.files)
        return FileEntry(FileKind.DIRECTORY) if inside else None

    def content(self, path: str) -> Content:
        found = self.files[path]
        return None if isinstance(found, bytes | str) else found

    def text(self, path: str) -> str:
        found = self.files[path]
        return found.decode() if isinstance(found, bytes) else ""

    def names(self, path: str) -> Sequence[str]:
        return sorted({name[len(path) + 1 :].split("/")[0] for name in self.files if name.startswith(f"{path}/")})
