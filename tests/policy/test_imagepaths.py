"""Paths inside an image: links, loops, the root as a wall, look-up by PATH."""

from __future__ import annotations

import pytest

from hauberk.policy.imagepaths import MAX_LINKS, below, find_program, resolve
from hauberk.policy.images import FileEntry, FileKind
from support.images import Memory

IMAGE = Memory(
    {
        "/bin": "-> usr/bin",
        "/usr/bin/dash": b"",
        "/usr/bin/sh": "-> dash",
        "/usr/bin/vi": "-> /etc/alternatives/vi",
        "/etc/alternatives/vi": "-> /usr/bin/vim",
        "/usr/bin/vim": b"",
        "/up": "-> ../../../usr",
        "/a": "-> b",
        "/b": "-> a",
        "/empty": "-> ",
    }
)


@pytest.mark.parametrize(
    ("path", "real", "links"),
    [
        ("/usr/bin/dash", "/usr/bin/dash", 0),
        ("/bin/sh", "/usr/bin/dash", 2),
        ("/bin/vi", "/usr/bin/vim", 3),
        ("/bin", "/usr/bin", 1),
        ("/up/bin/sh", "/usr/bin/dash", 2),
        ("/usr/bin/../bin/./sh", "/usr/bin/dash", 1),
        ("/../../usr/bin/dash", "/usr/bin/dash", 0),
        ("/", "/", 0),
    ],
)
def test_links_are_followed_inside_the_root(path: str, real: str, links: int) -> None:
    found = resolve(IMAGE, path)
    assert found is not None
    assert found.entry is not None
    assert (found.path, found.links) == (real, links)


def test_what_is_missing_keeps_its_name_below_what_is_there() -> None:
    found = resolve(IMAGE, "/bin/tools/x")
    assert found is not None
    assert (found.path, found.entry) == ("/usr/bin/tools/x", None)


@pytest.mark.parametrize(
    "path",
    ["/a", "/b/x", "/empty", "/usr/bin/dash/x", "/usr/bin/dash/..", "/usr/bin/dash/", "/bin/sh/.", "/none/../usr"],
)
def test_where_the_kernel_gives_up(path: str) -> None:
    assert resolve(IMAGE, path) is None


def test_forty_links_and_no_more() -> None:
    chain = {f"/l{n}": f"-> l{n + 1}" for n in range(MAX_LINKS)} | {f"/l{MAX_LINKS}": "-> end"}
    image = Memory({**chain, "/end": b""})
    found = resolve(image, "/l1")
    assert found is not None
    assert (found.path, found.links) == ("/end", 40)
    assert resolve(image, "/l0") is None


def test_a_link_that_grows_ends() -> None:
    assert resolve(Memory({"/x": "-> x/x"}), "/x") is None
    assert resolve(Memory({"/x": "-> " + "/".join(["y"] * 3000)}), "/x/z") is None


def test_paths_that_no_kernel_takes() -> None:
    assert resolve(IMAGE, "/a" * 500_000) is None
    assert find_program(IMAGE, "sh", "/x:" * 500_000 + "/bin", "/") is None


def test_relative_paths_start_where_they_are_told() -> None:
    found = resolve(IMAGE, "bin/sh", "/usr")
    assert found is not None
    assert found.path == "/usr/bin/dash"


def test_programs_by_name() -> None:
    found = find_program(IMAGE, "sh", "/nowhere:/bin", "/")
    assert found is not None
    assert found.path == "/usr/bin/dash"
    assert find_program(IMAGE, "sh", "/etc", "/") is None
    assert find_program(IMAGE, "bin", "/usr", "/") is None  # a folder is no program
    found = find_program(IMAGE, "./sh", "", "/bin")
    assert found is not None
    assert found.path == "/usr/bin/dash"
    assert find_program(IMAGE, "/usr/bin", "", "/") is None


def test_a_file_that_nobody_may_run_is_passed_over() -> None:
    class Unset(Memory):
        def entry(self, path: str) -> FileEntry | None:
            return FileEntry(FileKind.FILE, 0o644) if path == "/usr/bin/dash" else super().entry(path)

    assert find_program(Unset(IMAGE.files), "dash", "/usr/bin", "/") is None


def test_below() -> None:
    assert below("/a", ("/a/",))
    assert below("/a/b", ("/x", "/a"))
    assert not below("/ab", ("/a",))
