"""Images that were made to be trouble: each ends with one sentence, soon, and never with a traceback."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hauberk.cli.image.load import load
from hauberk.policy.imagepaths import resolve
from hauberk.policy.problems import HauberkError
from support.images import File, Layout, configuration, docker_archive, elf, layout, sha256, tar


def fails(path: Path) -> str:
    with pytest.raises(HauberkError) as found:
        load({"web": str(path)})
    message = str(found.value)
    assert message.startswith(f"--image web={path}: ")
    assert "\n" not in message
    return message


def survives(path: Path) -> None:
    """Whether it is read or refused; any other exception fails the test."""
    with suppress(HauberkError):
        load({"web": str(path)})


def one_layer(folder: Path, data: bytes, *, packed: bool = True) -> Path:
    made = Layout()
    made.index.append(made.image(data, packed=packed))
    return made.folder(folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("../etc/passwd", b"")], "../etc/passwd would be unpacked outside of the image"),
        ([("a/../../b", b"")], "would be unpacked outside"),
        ([("/etc/passwd", b"")], "would be unpacked outside"),
        ([("a", "=> ../secret")], "would be unpacked outside"),
        ([("a", "=> /etc/passwd")], "would be unpacked outside"),
        ([("a", "=> none")], "a is a hard link to /none, which is no file"),
        ([("d", None), ("a", "=> d")], "which is no file"),
        ([("a", "=> a")], "which is no file"),
        ([("l", "-> l"), ("l/x", b"")], "leads through a file or a loop of links"),
        ([("f", b""), ("f/x", b"")], "leads through a file or a loop of links"),
        ([("l", "-> f"), ("f", b""), ("l/x", b"")], "leads through a file or a loop of links"),
        ([("x" * 5000, b"")], "a path that is too long"),
    ],
)
def test_members_that_no_builder_writes(tmp_path: Path, files: list[File], said: str) -> None:
    assert said in fails(layout(tmp_path, files))


def test_links_that_lead_out_or_round_are_only_text(tmp_path: Path) -> None:
    files: list[File] = [("out", "-> ../../../etc"), ("a", "-> b"), ("b", "-> a"), ("long", "-> " + "x/" * 3000)]
    image = load({"web": str(layout(tmp_path, files))}).given["web"]
    found = resolve(image, "/out/passwd")
    assert found is not None
    assert (found.path, found.entry) == ("/etc/passwd", None)
    assert resolve(image, "/a") is resolve(image, "/long/x") is None


def test_names_with_control_characters_are_shown_as_such(tmp_path: Path) -> None:
    assert r"\x1b[2J\x0a would" in fails(layout(tmp_path, [("../\x1b[2J\n", b"")]))
    assert r"\xff would" in fails(layout(tmp_path / "b", [("../\udcff", b"")]))


def test_a_bomb_of_zeroes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.image.streams.MAX_UNPACKED", 50_000_000)
    bomb = tar([("zero", bytes(60_000_000))])
    assert "unpack to too many bytes (at most 47 MiB" in fails(one_layer(tmp_path, bomb))
    after = tar([("a", b"")]) + bytes(60_000_000)
    assert "unpack to too many bytes" in fails(one_layer(tmp_path / "after", after))


def test_the_same_layer_again_and_again_counts_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.image.streams.MAX_UNPACKED", 50_000_000)
    made = Layout()
    made.index.append(made.image(*[tar([("zero", bytes(1_000_000))])] * 60))
    assert "unpack to too many bytes" in fails(made.folder(tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("layers.MAX_MEMBERS", 3, "too many files"),
        ("tree.MAX_STEPS", 1, "too deep"),
        ("layers.MAX_ELFS", 1, "too many programs"),
        ("layers.MAX_PATH", 3, "too long"),
        ("stored.MAX_LAYERS", 1, "2 layers"),
        ("blobs.MAX_JSON", 10, "bytes (at most 10"),
        ("blobs.MAX_PACKED", 10, "too large"),
        ("limits.MAX_HEADER", 100, "header is too long"),
    ],
)
def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, said: str) -> None:
    path = layout(tmp_path, [("file", elf()), ("b/x/y", b"")], [("c", elf()), ("d", b"")])
    monkeypatch.setattr(f"hauberk.cli.image.{name}", value)
    assert said in fails(path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("blobs.MAX_ARCHIVE_MEMBERS", 1, "too many members"),
        ("blobs.MAX_PACKED", 10, "archive is too large"),
        ("limits.MAX_HEADER", 100, "header is too long"),
    ],
)
def test_limits_of_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, said: str) -> None:
    path = docker_archive(tmp_path / "a.tar", [("a", b"")])
    monkeypatch.setattr(f"hauberk.cli.image.{name}", value)
    assert said in fails(path)


def test_headers_that_want_memory(tmp_path: Path) -> None:
    long = tarfile.TarInfo("a")
    long.pax_headers = {"comment": "x" * 3_000_000}
    assert "header is too long" in fails(layout(tmp_path, [long]))
    sparse = tarfile.TarInfo("s")
    sparse.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "1",
        "GNU.sparse.name": "s",
    }
    data = tar([sparse]).rstrip(b"\0")
    data += bytes(-len(data) % 512) + b"99999999\n" + b"1\n" * 2_000_000
    assert "header is too long" in fails(one_layer(tmp_path / "sparse", data))


def test_sizes_that_lead_back(tmp_path: Path) -> None:
    data = bytearray(tar([("a", b""), ("b", b"")]))
    # base 256, negative: -512
    data[124:136] = b"\xff" * 10 + b"\xfe\x00"
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
    assert "negative" in fails(one_layer(tmp_path, bytes(data)))
    (tmp_path / "a.tar").write_bytes(bytes(data))
    fails(tmp_path / "a.tar")


def test_sizes_beyond_the_end(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a")
    member.size = 1 << 50
    data = member.tobuf(tarfile.GNU_FORMAT)
    assert "not a valid tar archive" in fails(one_layer(tmp_path, data + bytes(1024)))
    (tmp_path / "a.tar").write_bytes(data + bytes(1024))
    fails(tmp_path / "a.tar")


def test_truncated_archives(tmp_path: Path) -> None:
    whole = docker_archive(tmp_path / "a.tar", [("a", elf())], [("b", b"x" * 5000)]).read_bytes()
    end = len(whole.rstrip(b"\0"))
    for cut in (1, 300, 512, 1024, end // 2, end - 600, (end + 511) // 512 * 512):
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        fails(tmp_path / "cut.tar")
    packed = gzip.compress(tar([("a", random.Random(1).randbytes(10_000))]))  # noqa: S311
    for cut in (1, 5, 20, len(packed) // 2, len(packed) - 3):
        made = Layout()
        manifest = {"config": made.blob(configuration([b""])), "layers": [made.blob(packed[:cut])]}
        made.index.append(made.blob(json.dumps(manifest).encode()))
        fails(made.folder(tmp_path / f"gz{cut}"))


def test_blobs_that_are_not_what_their_digest_says(tmp_path: Path) -> None:
    folder = layout(tmp_path, [("a", b"1" * 10)])
    for number, path in enumerate(sorted((folder / "blobs/sha256").iterdir())):
        data = path.read_bytes()
        wrong = data.replace(b'"', b"'", 1) if data.startswith(b"{") else gzip.compress(tar([("b", b"")]), mtime=number)
        path.write_bytes(wrong)
        assert "is not what its digest" in fails(folder)
        path.write_bytes(data)
    load({"again": str(folder)})


def test_layers_that_are_not_what_the_configuration_says(tmp_path: Path) -> None:
    layer = tar([("a", b"")])
    for number, digests in enumerate(([sha256(b"")], [], ["x", "y"], [3], None)):
        made = Layout()
        config = json.dumps({"rootfs": {"diff_ids": digests}}).encode()
        made.index.append(made.image(layer, config=config))
        fails(made.folder(tmp_path / str(number)))
    archive = docker_archive(tmp_path / "a.tar", [("a", b"one")])
    archive.write_bytes(archive.read_bytes().replace(b"one", b"two"))
    assert "layer 1 is not what" in fails(archive)


def test_digests_that_are_paths(tmp_path: Path) -> None:
    for number, digest in enumerate(("sha256:../../../etc/passwd", "../x", "sha512:" + "0" * 128, None, 3, "")):
        made = Layout()
        made.index.append({"digest": digest})
        assert "is not of the form sha256" in fails(made.folder(tmp_path / str(number)))


def test_links_in_a_layout_are_not_followed(tmp_path: Path) -> None:
    folder = layout(tmp_path / "one", [("a", b"")])
    blob = next((folder / "blobs/sha256").iterdir())
    moved = tmp_path / "elsewhere"
    blob.rename(moved)
    blob.symlink_to(moved)
    assert "symbolic link, which is not followed" in fails(folder)
    blobs = folder / "blobs"
    blobs.rename(tmp_path / "blobs")
    blobs.symlink_to(tmp_path / "blobs")
    assert "a symbolic link?" in fails(folder)
    (folder / "index.json").unlink()
    (folder / "index.json").symlink_to("/etc/passwd")
    assert "symbolic link, which is not followed" in fails(folder)
    (folder / "index.json").unlink()
    assert "index.json is missing" in fails(folder)
    (folder / "index.json").mkdir()
    assert "not a regular file" in fails(folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("manifest.json", b"[]"), ("manifest.json", b"[]")], "is in the archive twice"),
        ([("manifest.json", b"[]"), ("./manifest.json", b"[]")], "is in the archive twice"),
        ([("manifest.json", "-> manifest.json")], "is missing"),
        ([("manifest.json", "-> ../../etc/passwd")], "leads out of the archive"),
        ([("manifest.json", "=> /etc/passwd")], "leads out of the archive"),
        ([("../x", b""), ("manifest.json", b"[]")], "leads out of the archive"),
        ([("manifest.json", None)], "is no image"),
        ([("manifest.json", b"[]")], "names no image"),
        ([("manifest.json", b"{")], "is not JSON"),
        ([("manifest.json", b"[" * 100_000)], "is not JSON"),
        ([("manifest.json", b"3")], "names no image"),
        ([("manifest.json", b"[3]")], "is missing"),
        ([("manifest.json", b'[{"Config": "../x", "Layers": "y"}]')], "is missing"),
        ([("index.json", b"[]")], "0 images"),
        ([("index.json", b'{"manifests": [3]}')], "is not of the form"),
    ],
)
def test_descriptions_of_archives(tmp_path: Path, files: list[File], said: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar(files))
    assert said in fails(path)


def test_indexes_without_an_end(tmp_path: Path) -> None:
    made = Layout()
    made.index.append(made.blob(b"{}"))
    for _ in range(6):
        made.index = [made.blob(json.dumps({"manifests": made.index}).encode())]
    assert "nested more than 4 deep" in fails(made.folder(tmp_path))


def test_random_damage_ends_with_a_sentence_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311  # not for secrets
    whole = docker_archive(tmp_path / "a.tar", [("a", elf("x.so")), ("b", "-> a"), ("c", "=> a")]).read_bytes()
    for number in range(300):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / f"{number}.tar"
        path.write_bytes(data)
        survives(path)


def test_random_damage_of_layers(tmp_path: Path) -> None:
    chance = random.Random(6)  # noqa: S311  # not for secrets
    base = tar([("a", elf("x.so")), ("é" * 90, b"#!/x\n"), ("b", "-> a"), ("c", "=> a"), ("d/.wh.x", b"")])
    for number in range(300):
        data = bytearray(base)
        for _ in range(chance.randrange(1, 10)):
            data[chance.randrange(4096)] = chance.randrange(256)
        survives(one_layer(tmp_path / str(number), bytes(data), packed=False))


def test_types_of_every_kind_of_wrong(tmp_path: Path) -> None:
    strange: tuple[Any, ...] = (None, 3, "x", [], {}, [3], {"digest": 3}, [[]], True)
    for number, value in enumerate(strange):
        for key in ("config", "layers"):
            made = Layout()
            manifest: dict[str, Any] = {"config": made.blob(configuration([])), "layers": [], key: value}
            made.index.append(made.blob(json.dumps(manifest).encode()))
            survives(made.folder(tmp_path / f"{number}{key}"))


def test_a_tar_of_nothing(tmp_path: Path) -> None:
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w").close()
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert "is no image" in fails(tmp_path / "a.tar")
    (tmp_path / "b.tar").write_bytes(b"")
    assert "not a valid tar archive" in fails(tmp_path / "b.tar")


def test_deep_paths_through_links_are_walked_once(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 2000)
    files: list[File] = [(f"{deep}/{number}", b"") for number in range(500)]
    files += [(f"l{number}", f"-> l{number + 1}/{'d/' * 1900}") for number in range(40)]
    image = load({"web": str(layout(tmp_path, files))}).given["web"]
    found = resolve(image, f"/{deep}/1")
    assert found is not None
    assert found.entry is not None
    assert resolve(image, f"/l0/{deep}") is None


def test_an_archive_that_was_unpacked_is_read_too(tmp_path: Path) -> None:
    with tarfile.open(docker_archive(tmp_path / "a.tar", [("a", b"")])) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert load({"web": str(tmp_path / "out")}).given["web"].names("/") == ["a"]
