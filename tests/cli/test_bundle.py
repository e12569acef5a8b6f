"""`hauberk bundle`: an artifact whose bytes follow from the files alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.gitops.packing import gzipped, tarred
from support import ROOT, hauberk


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    source = ROOT / "examples/nginx/corrected"
    done = hauberk("render", source, "--out", tmp_path / "rendered", "--layout", "flux", "--commit", "0" * 40)
    assert done.returncode == 0, done.stderr
    return tmp_path / "rendered"


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    data: bytes = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert descriptor["size"] == len(data)
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def test_the_artifact_holds_the_files(rendered: Path, tmp_path: Path) -> None:
    (rendered / "README.md").write_text("theirs")
    done = hauberk(
        "bundle", rendered, "--out", tmp_path / "oci", "--tag", "v1", "--source", "https://example.org/p.git"
    )
    assert done.returncode == 0, done.stderr
    index = json.loads((tmp_path / "oci/index.json").read_text())
    (descriptor,) = index["manifests"]
    assert descriptor["annotations"]["org.opencontainers.image.ref.name"] == "v1"
    assert done.stdout == f"{tmp_path / 'oci'}:v1@{descriptor['digest']}\n"
    manifest = json.loads(blob(tmp_path / "oci", descriptor))
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.flux.config.v1+json"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.flux.content.v1.tar+gzip"
    assert manifest["annotations"]["org.opencontainers.image.revision"] == f"sha1:{'0' * 40}"
    assert manifest["annotations"]["org.opencontainers.image.source"] == "https://example.org/p.git"
    archive = gzip.decompress(blob(tmp_path / "oci", layer))
    config = json.loads(blob(tmp_path / "oci", manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(archive).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        read = {one.name: members.extractfile(one) for one in members}
        assert {name: file and file.read() for name, file in read.items()} == {
            name: data for name, data in tree(rendered).items() if name != "README.md"
        }
        assert {(one.mtime, one.uid, one.mode) for one in members} == {(0, 0, 0o644)}


def test_what_other_runs_wrote_below_is_not_packed(rendered: Path, tmp_path: Path) -> None:
    before = hauberk("bundle", rendered, "--out", tmp_path / "oci").stdout
    shutil.copytree(rendered, tmp_path / "staging")
    (tmp_path / "staging").rename(rendered / "staging")
    assert hauberk("crds", "--out", rendered).returncode == 0
    assert hauberk("bundle", rendered, "--out", tmp_path / "oci").stdout == before != ""


def test_the_same_bytes_for_the_same_files(rendered: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(rendered, other)
    for path in other.rglob("*"):
        path.chmod(0o700)
    for seed, folder in (("1", rendered), ("2", other)):
        env = {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed}
        hauberk("bundle", folder, "--out", tmp_path / seed, env=env)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_the_bytes_are_pinned() -> None:
    data = gzipped(tarred({"b": b"2", "a/" + "x" * 120: b"1" * 70_000}))
    assert hashlib.sha256(data).hexdigest() == "f1370fbc29dd4f15dd6027dada24c4f318e0fd00210d932c5de372a3d98031bd"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_gzip_is_read_by_others(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    assert gzip.decompress(gzipped(data)) == data


@pytest.mark.parametrize("length", [1, 99, 100, 101, 255, 1000])
def test_long_names(length: int) -> None:
    name = ("d/" * length)[: length - 1] + "é" if length % 2 else "x" * length
    with tarfile.open(fileobj=io.BytesIO(tarred({name: b"data"}))) as members:
        (member,) = members
        assert member.name == name


def test_what_is_refused(rendered: Path, tmp_path: Path) -> None:
    def said(*arguments: str | Path) -> str:
        done = hauberk("bundle", *arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
        return done.stderr

    assert "not a folder that `hauberk render --out` wrote" in said(tmp_path, "--out", tmp_path / "x")
    assert "not a folder that" in said(tmp_path / "nothing", "--out", tmp_path / "x")
    assert "not a tag" in said(rendered, "--out", tmp_path / "x", "--tag", "a b")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/index.json").write_text('{"manifests": [{"digest": "sha256:0"}]}')
    assert "no bundle of ours" in said(rendered, "--out", tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["index.json"]


def test_a_set_that_is_not_whole(rendered: Path, tmp_path: Path) -> None:
    (policy, *_) = sorted(rendered.glob("policies/*/*.yaml"))
    policy.unlink()
    done = hauberk("bundle", rendered, "--out", tmp_path / "x")
    assert done.returncode == 2
    assert f"{policy}: kustomization.yaml names it, and it is not there" in done.stderr
    index = rendered / "kustomization.yaml"
    index.write_text(index.read_text() + "a: [\n")
    done = hauberk("bundle", rendered, "--out", tmp_path / "x")
    assert (done.returncode, f"{index}: cannot be read" in done.stderr) == (2, True)
    assert not (tmp_path / "x").exists()


def test_a_bundle_of_ours_is_replaced(rendered: Path, tmp_path: Path) -> None:
    for tag in ("one", "two"):
        assert hauberk("bundle", rendered, "--out", tmp_path / "oci", "--tag", tag).returncode == 0
    (descriptor,) = json.loads((tmp_path / "oci/index.json").read_text())["manifests"]
    assert descriptor["annotations"]["org.opencontainers.image.ref.name"] == "two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["oci", "rendered"]
