"""Layouts and archives: how an image is found in them and what it says of itself."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hauberk.cli.image.load import identity, load
from hauberk.policy.images import Image, ImageConfig
from hauberk.policy.problems import HauberkError
from support.images import Layout, configuration, docker_archive, elf, layout, sha256, tar

LAYERS = ([("bin/app", elf())], [("entry.sh", b"#!/bin/app\n"), ("old", b"")], [(".wh.old", b"")])


def image(path: Path, name: str = "web") -> Image:
    return load({name: str(path)}).given[name]


def fails(path: Path, name: str = "web") -> str:
    with pytest.raises(HauberkError) as found:
        image(path, name)
    assert str(found.value).startswith(f"--image {name}={path}: ")
    return str(found.value)


def test_a_layout_folder_and_its_settings(tmp_path: Path) -> None:
    settings = {
        "Entrypoint": ["/entry.sh"],
        "Cmd": ["app", "-x"],
        "Env": ["PATH=/bin:/x", "LD_LIBRARY_PATH=/opt", "A=b=c", "odd"],
        "WorkingDir": "/srv",
        "User": "1000",
    }
    found = image(layout(tmp_path, *LAYERS, **settings))
    assert found.config == ImageConfig(("/entry.sh",), ("app", "-x"), "/bin:/x", "/opt", "/srv", "1000")
    assert found.names("/") == ["bin", "entry.sh"]


def test_settings_of_the_wrong_type_are_the_defaults(tmp_path: Path) -> None:
    found = image(layout(tmp_path, *LAYERS, Entrypoint="x", Cmd=None, Env={"PATH": 1}, WorkingDir=[], User=0))
    assert found.config == ImageConfig()


def test_an_archive_of_a_layout(tmp_path: Path) -> None:
    made = Layout()
    made.index.append(made.image(*map(tar, LAYERS)))
    assert image(made.archive(tmp_path / "a.tar")).names("/") == ["bin", "entry.sh"]


def test_layers_that_are_not_compressed_and_such_of_several_members(tmp_path: Path) -> None:
    made = Layout()
    layer = tar([("a", b"x" * 100_000)])
    split = gzip.compress(layer[:700]) + gzip.compress(layer[700:]) + bytes(100)
    manifest = {"config": made.blob(configuration([layer, layer])), "layers": [made.blob(layer), made.blob(split)]}
    made.index.append(made.blob(json.dumps(manifest).encode()))
    assert image(made.folder(tmp_path)).names("/") == ["a"]


def test_docker_archives(tmp_path: Path) -> None:
    found = image(docker_archive(tmp_path / "a.tar", *LAYERS, Cmd=["app"]))
    assert found.names("/") == ["bin", "entry.sh"]
    assert found.config.command == ("app",)


def test_docker_archives_in_which_layers_are_links(tmp_path: Path) -> None:
    layer = tar([("a", b"")])
    config = configuration([layer, layer])
    manifest = [{"Config": "c", "Layers": ["1/layer.tar", "2/layer.tar"]}]
    files: list[tuple[str, bytes | str]] = [
        ("1/layer.tar", "-> ../2/layer.tar"),
        ("2/layer.tar", layer),
        ("c", config),
        ("./manifest.json", json.dumps(manifest).encode()),
    ]
    (tmp_path / "a.tar").write_bytes(tar(files))
    assert image(tmp_path / "a.tar").names("/") == ["a"]


def test_docker_archives_with_blobs_by_their_digest(tmp_path: Path) -> None:
    layer = tar([("a", b"")])
    packed, config = gzip.compress(layer), configuration([layer])
    names = [f"blobs/sha256/{sha256(data)[7:]}" for data in (config, packed)]
    files = dict(zip(names, (config, packed), strict=True))
    files["manifest.json"] = json.dumps([{"Config": names[0], "Layers": [names[1]]}]).encode()
    path = tmp_path / "a.tar"
    path.write_bytes(tar(files.items()))
    assert image(path).names("/") == ["a"]
    files[names[1]] = gzip.compress(layer, 1, mtime=1)
    path.write_bytes(tar(files.items()))
    assert "is not what its digest" in fails(path)


def test_docker_archives_of_several_images(tmp_path: Path) -> None:
    layers = {name: tar([(name, b"")]) for name in ("one", "two")}
    files = {f"{name}.tar": data for name, data in layers.items()}
    files |= {f"{name}.c": configuration([data]) for name, data in layers.items()}
    manifest = [{"Config": f"{n}.c", "RepoTags": [f"{n}:1", f"{n}:2"], "Layers": [f"{n}.tar"]} for n in layers]
    files["manifest.json"] = json.dumps(manifest).encode()
    path = tmp_path / "a.tar"
    path.write_bytes(tar(files.items()))
    assert image(path, "one").names("/") == ["one"]
    assert image(path, "two:2").names("/") == ["two"]
    assert "2 images (one:1, one:2, two:1, two:2)" in fails(path, "three")


def test_platforms(tmp_path: Path) -> None:
    def made(*platforms: str, nested: bool = False) -> Path:
        one = Layout()
        for platform in platforms:
            system, _, machine = platform.partition("/")
            descriptor = one.image(tar([(platform.replace("/", "-"), b"")]))
            one.index.append({**descriptor, "platform": {"os": system, "architecture": machine}})
        if nested:
            index = {"manifests": one.index}
            kind = "application/vnd.oci.image.index.v1+json"
            one.index = [one.blob(json.dumps(index).encode(), mediaType=kind)]
        return one.folder(tmp_path / f"{len(list(tmp_path.iterdir()))}")

    assert image(made("linux/arm64", "linux/amd64")).names("/") == ["linux-amd64"]
    assert image(made("linux/arm64", "linux/amd64", nested=True)).names("/") == ["linux-amd64"]
    assert image(made("linux/arm64")).names("/") == ["linux-arm64"]
    assert image(made("linux/arm64", "unknown/unknown")).names("/") == ["linux-arm64"]
    assert "linux/arm64, linux/s390x" in fails(made("linux/arm64", "linux/s390x"))
    assert "0 images" in fails(made())


def test_layouts_of_several_names(tmp_path: Path) -> None:
    made = Layout()
    for name in ("one", "two"):
        descriptor = made.image(tar([(name, b"")]))
        made.index.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": f"{name}:1"}})
    attestation = {"vnd.docker.reference.type": "attestation-manifest"}
    made.index.append({**made.blob(b"{}"), "annotations": attestation})
    folder = made.folder(tmp_path)
    assert image(folder, "one:1").names("/") == ["one"]
    assert image(folder, "two").names("/") == ["two"]
    assert "2 images" in fails(folder, "three")


def test_what_is_no_image(tmp_path: Path) -> None:
    assert "no such file or folder" in fails(tmp_path / "none")
    (tmp_path / "text").write_text("x" * 2000)
    assert "is not a valid tar archive" in fails(tmp_path / "text")
    (tmp_path / "root.tar").write_bytes(tar([("bin/sh", b"")]))
    assert "unpack a tar of a root file system" in fails(tmp_path / "root.tar")
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar([("manifest.json", b"[]")])))
    assert "run gunzip on it first" in fails(tmp_path / "a.tar.gz")
    assert "not a regular file" in fails(Path("/dev/null"))


def test_zstd_names_the_command_that_helps(tmp_path: Path) -> None:
    made = Layout()
    manifest = {"config": made.blob(configuration([b""])), "layers": [made.blob(b"\x28\xb5\x2f\xfd rest")]}
    made.index.append(made.blob(json.dumps(manifest).encode()))
    assert "skopeo copy --dest-compress-format gzip" in fails(made.folder(tmp_path))


def test_the_identity_follows_the_image(tmp_path: Path) -> None:
    path = docker_archive(tmp_path / "a.tar", *LAYERS)
    before = identity({"web": str(path)})
    assert before == identity({"web": str(path)})
    assert before != identity({"other": str(path)})
    docker_archive(path, *LAYERS, Cmd=["x"])
    assert before != identity({"web": str(path)})
    folder = layout(tmp_path / "layout", *LAYERS)
    before = identity({"web": str(folder)})
    assert before is not None
    (folder / "blobs/sha256" / sha256(b"x")[7:]).write_bytes(b"x")
    assert before != identity({"web": str(folder)})
    assert identity({"web": str(tmp_path)}) is None  # a root folder
    assert identity({"web": str(tmp_path / "none")}) is not None
