"""A stored image: its description is found, its layers are applied in order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hauberk.cli.image.blobs import Blobs, blob_name, read_json
from hauberk.cli.image.layers import Counts, apply
from hauberk.cli.image.limits import MAX_LAYERS, ImageError, damaged, refused
from hauberk.cli.image.streams import Forward, Meter, unpacked, verified
from hauberk.cli.image.tree import Tree
from hauberk.cli.sources import displayed
from hauberk.policy.images import DEFAULT_PATH, ImageConfig, Reference
from hauberk.policy.loose import listing, mapping
from hauberk.policy.loose import text as text_of

_MAX_NESTING = 4
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_HEX = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json|\.tar)?")


@dataclass(frozen=True, slots=True)
class Part:
    """Name of a blob and, where one is known, its digest."""

    name: str
    digest: str | None


def read(blobs: Blobs, name: str) -> Tree:
    """The image of that name; raises ImageError when there is none, several, or anything in it cannot be trusted."""
    config_part, layers = _docker(blobs, name) if blobs.has("manifest.json") else _oci(blobs, name)
    config = mapping(read_json(blobs, config_part.name, config_part.digest))
    if len(layers) > MAX_LAYERS:
        raise refused(f"it has {len(layers)} layers", str(MAX_LAYERS))
    digests = listing(mapping(config.get("rootfs")).get("diff_ids"))
    if len(digests) != len(layers):
        raise damaged(f"{config_part.name} is about {len(digests)} layers and there are {len(layers)}")
    tree = Tree(_config(mapping(config.get("config"))))
    meter, counts = Meter(), Counts()
    for number, (layer, digest) in enumerate(zip(layers, digests, strict=True), start=1):
        what = f"layer {number}"
        with blobs.open(layer.name) as (_, pieces):
            stream = Forward(unpacked(verified(pieces, layer.digest, what), what), meter)
            apply(tree, stream, counts, what)
            if stream.drain() != digest:
                raise damaged(f"{what} is not what the image's configuration says ({displayed(str(digest))[:80]})")
    return tree


def _config(given: Any) -> ImageConfig:
    variables = {key: value for key, _, value in (str(item).partition("=") for item in listing(given.get("Env")))}
    return ImageConfig(
        _argv(given.get("Entrypoint")),
        _argv(given.get("Cmd")),
        variables.get("PATH", DEFAULT_PATH),
        variables.get("LD_LIBRARY_PATH", ""),
        text_of(given.get("WorkingDir")) or "/",
        text_of(given.get("User")) or "",
    )


def _argv(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in listing(value))


def _docker(blobs: Blobs, name: str) -> tuple[Part, list[Part]]:
    """manifest.json of `docker save`."""
    images = [mapping(item) for item in listing(read_json(blobs, "manifest.json"))]
    if len(images) > 1:
        count = len(images)
        wanted = Reference.parse(name)
        tags = [str(tag) for item in images for tag in listing(item.get("RepoTags"))]
        images = [
            item
            for item in images
            if any(wanted.covers(Reference.parse(str(tag))) for tag in listing(item.get("RepoTags")))
        ]
        if len(images) != 1:
            raise ImageError(
                f"the archive has {count} images ({_listed(tags)}): save one alone, or name it as it is tagged there"
            )
    if not images:
        raise damaged("manifest.json names no image")
    config = text_of(images[0].get("Config")) or ""
    layers = [str(layer) for layer in listing(images[0].get("Layers"))]
    return _docker_part(config), [_docker_part(layer) for layer in layers]


def _docker_part(name: str) -> Part:
    found = _HEX.fullmatch(name)
    return Part(name, f"sha256:{found[1]}" if found else None)


def _oci(blobs: Blobs, name: str) -> tuple[Part, list[Part]]:
    """index.json of an OCI image layout."""
    index: Any = read_json(blobs, "index.json")
    for _ in range(_MAX_NESTING):
        descriptor = _chosen([mapping(item) for item in listing(mapping(index).get("manifests"))], name)
        index = _read(blobs, descriptor)
        if descriptor.get("mediaType") not in _INDEXES and "manifests" not in mapping(index):
            manifest = mapping(index)
            layers = [_part(mapping(item)) for item in listing(manifest.get("layers"))]
            return _part(mapping(manifest.get("config"))), layers
    raise damaged(f"its indexes are nested more than {_MAX_NESTING} deep")


def _part(descriptor: Any) -> Part:
    digest = descriptor.get("digest")
    return Part(blob_name(digest), digest)


def _read(blobs: Blobs, descriptor: Any) -> Any:
    part = _part(descriptor)
    return read_json(blobs, part.name, part.digest)


def _chosen(manifests: list[Any], name: str) -> Any:
    """The one that is meant: by name where there are several, for linux/amd64 where there are several platforms."""
    found = [item for item in manifests if not _attestation(item)]
    wanted = Reference.parse(name)
    named = [item for item in found if any(_is_named(item, key, wanted) for key in _NAMES)]
    if len(found) > 1 and named:
        found = named
    platforms = [_platform(item) for item in found]
    if len(found) > 1:
        found = [item for item, platform in zip(found, platforms, strict=True) if platform == "linux/amd64"]
    if len(found) != 1:
        raise ImageError(
            f"it has {len(platforms)} images ({_listed(platforms)}), and not one that is linux/amd64: "
            "copy one of them alone, e.g. skopeo copy --override-arch ARCH"
        )
    return found[0]


def _is_named(item: Any, key: str, wanted: Reference) -> bool:
    text = text_of(mapping(item.get("annotations")).get(key))
    return text is not None and wanted.covers(Reference.parse(text))


def _attestation(item: Any) -> bool:
    kind = mapping(item.get("annotations")).get("vnd.docker.reference.type")
    return kind == "attestation-manifest" or _platform(item) == "unknown/unknown"


def _platform(item: Any) -> str:
    platform = mapping(item.get("platform"))
    return f"{platform.get('os', '?')}/{platform.get('architecture', '?')}"


def _listed(names: Iterable[str]) -> str:
    shown = [displayed(name)[:100] for name in names]
    return ", ".join(shown[:5]) + (", ..." if len(shown) > 5 else "")
