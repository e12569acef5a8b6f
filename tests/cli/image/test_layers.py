"""Layers onto layers: whiteouts, links, folders, what the tree then says."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from hauberk.cli.image.layers import Counts, apply
from hauberk.cli.image.streams import Forward, Meter
from hauberk.cli.image.tree import Tree
from hauberk.policy.imagepaths import resolve
from hauberk.policy.images import Elf, FileKind, ImageConfig, Script
from support.images import File, elf, tar


def tree(*layers: Iterable[File | tarfile.TarInfo]) -> Tree:
    made, counts, meter = Tree(ImageConfig()), Counts(), Meter()
    for layer in layers:
        apply(made, Forward(iter([tar(layer)]), meter), counts, "layer")
    return made


def paths(made: Tree, start: str = "") -> list[str]:
    found: list[str] = []
    for name in made.names(start or "/"):
        found += [f"{start}/{name}", *paths(made, f"{start}/{name}")]
    return found


def test_files_folders_and_links() -> None:
    made = tree([("./", None), ("./bin", "-> usr/bin"), ("usr/bin/app", elf()), ("usr/bin/run", b"#!/bin/app\n")])
    assert paths(made) == ["/bin", "/usr", "/usr/bin", "/usr/bin/app", "/usr/bin/run"]
    assert isinstance(made.content("/usr/bin/app"), Elf)
    assert made.content("/usr/bin/run") == Script("/bin/app")
    found = resolve(made, "/bin/app")
    assert found is not None
    assert found.path == "/usr/bin/app"
    assert (made.entry("/none"), made.content("/none"), made.text("/none"), made.names("/none")) == (None, None, "", ())


def test_a_file_replaces_and_a_folder_joins() -> None:
    made = tree(
        [("a/b", b"1"), ("c", b"2"), ("d/e", b"")], [("a/x", b""), ("c", None), ("c/y", b""), ("d", b"now a file")]
    )
    assert paths(made) == ["/a", "/a/b", "/a/x", "/c", "/c/y", "/d"]


def test_whiteouts_remove_what_is_below_the_layer_only() -> None:
    below: list[File] = [("a/one", b""), ("a/two", b""), ("b/one", b""), ("c/deep/one", b"")]
    made = tree(below, [("a/new", b""), ("a/.wh.one", b""), ("b/new", b""), ("b/.wh..wh..opq", b""), (".wh.c", b"")])
    assert paths(made) == ["/a", "/a/new", "/a/two", "/b", "/b/new"]
    # of one's own layer nothing is removed, whatever the order
    assert paths(tree([("a", b""), (".wh.a", b"")])) == ["/a"]
    assert paths(tree([("a", b"")], [(".wh..wh.plnk", None), (".wh..wh.aufs", b"")])) == ["/a"]
    assert paths(tree([("a", b"")], [(".wh.", b""), ("none/.wh.x", b""), ("none/.wh..wh..opq", b"")])) == ["/a"]


def test_hard_links_are_names_of_their_own() -> None:
    made = tree([("bin/busybox", elf()), ("bin/ls", "=> bin/busybox")], [("bin/cat", "=> bin/busybox")])
    for name in ("/bin/ls", "/bin/cat"):
        found = resolve(made, name)
        assert found is not None
        assert (found.path, found.links) == (name, 0)
        assert isinstance(made.content(name), Elf)


def test_parents_that_are_links_are_followed() -> None:
    made = tree([("usr/lib/a", b""), ("lib", "-> /usr/lib"), ("x", "-> y/z")], [("lib/b", b""), ("x/c", b"")])
    assert paths(made) == ["/lib", "/usr", "/usr/lib", "/usr/lib/a", "/usr/lib/b", "/x", "/y", "/y/z", "/y/z/c"]
    assert paths(tree([("usr/lib/a", b""), ("lib", "-> usr/lib")], [("lib/.wh.a", b"")])) == [
        "/lib",
        "/usr",
        "/usr/lib",
    ]


def test_the_last_of_two_members_of_one_name_counts() -> None:
    made = tree([("a", b"#!/one\n"), ("a", b"#!/two\n"), ("b", None), ("./b/", None)])
    assert made.content("/a") == Script("/two")


def test_devices_pipes_and_sparse_files_are_not_read() -> None:
    device, pipe = tarfile.TarInfo("null"), tarfile.TarInfo("pipe")
    device.type, pipe.type = tarfile.CHRTYPE, tarfile.FIFOTYPE
    made = tree([device, pipe])
    assert [entry and entry.kind for entry in map(made.entry, ("/null", "/pipe"))] == [FileKind.OTHER, FileKind.OTHER]


def test_modes_and_texts() -> None:
    private = tarfile.TarInfo("data")
    private.mode = 0o644
    made = tree([private, ("run", b""), ("etc/ld.so.conf", b"/opt\n"), ("etc/hosts", b"x")])
    assert [entry and entry.executable for entry in map(made.entry, ("/data", "/run"))] == [False, True]
    assert (made.text("/etc/ld.so.conf"), made.text("/etc/hosts")) == ("/opt\n", "")


def test_a_program_that_is_too_large_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.image.layers.MAX_ELF", 10)
    made = tree([("app", elf())])
    assert made.content("/app") is None
    assert made.notes == ["/app is over 0 MiB: not looked into for libraries"]


def test_long_names_and_large_files(tmp_path: Path) -> None:
    deep = "/".join(["d" * 200] * 10)
    made = tree([(f"{deep}/app", elf("x.so") + bytes(3_000_000)), ("z", b"#!/x\n")])
    content = made.content(f"/{deep}/app")
    assert isinstance(content, Elf)
    assert content.needed == ("x.so",)
    assert made.content("/z") == Script("/x")
