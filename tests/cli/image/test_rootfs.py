"""Root folders: read where asked, and never left."""

from __future__ import annotations

import errno
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from hauberk.cli.image.load import load
from hauberk.policy.imagepaths import resolve
from hauberk.policy.images import Elf, FileKind, Image, Script
from hauberk.policy.libraries import Loader
from hauberk.policy.problems import HauberkError
from support import missing
from support.images import elf


def image(path: Path) -> Image:
    return load({"web": str(path)}).given["web"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/bin/app").write_bytes(elf())
    (folder / "usr/bin/run").write_bytes(b"#!/usr/bin/app x\n" + bytes(1000))
    (folder / "bin").symlink_to("usr/bin")
    (folder / "out").symlink_to("/../../../../etc")
    (tmp_path / "secret").write_bytes(b"#!/secret\n")
    return folder


def test_what_is_there(root: Path) -> None:
    found = image(root)
    assert isinstance(found.content("/usr/bin/app"), Elf)
    assert found.content("/usr/bin/run") == Script("/usr/bin/app", "x")
    assert found.names("/usr/bin") == ["app", "run"]
    entry = found.entry("/bin")
    assert entry is not None
    assert (entry.kind, entry.target) == (FileKind.LINK, "usr/bin")
    assert found.entry("/") is not None
    assert [found.entry(path) for path in ("/none", "/usr/bin/app/x", "/none/x", "/\0", f"/{'x' * 300}")] == [None] * 5


def test_links_stay_inside(root: Path) -> None:
    found = image(root)
    place = resolve(found, "/out/passwd")
    assert place is not None
    assert (place.path, place.entry) == ("/etc/passwd", None)
    place = resolve(found, "/../secret")
    assert place is not None
    assert (place.path, place.entry) == ("/secret", None)
    # a caller that does not resolve does not get out either
    assert found.entry("/out/passwd") is None
    with pytest.raises(HauberkError):
        found.content("/out/passwd")


def test_links_lead_where_the_kernel_says(tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311  # not for secrets
    names = ("a", "b", "c", "d")
    for number in range(60):
        folder = tmp_path / str(number)
        for _ in range(12):
            path = folder.joinpath(*chance.choices(names, k=chance.randrange(1, 4)))
            with suppress(OSError):  # where a file or a loop is on the way
                path.parent.mkdir(parents=True, exist_ok=True)
                kind = chance.randrange(3)
                if kind == 0:
                    path.touch()
                elif kind == 1:
                    path.mkdir()
                else:
                    path.symlink_to(
                        "/".join(chance.choices((*names, ".", ""), k=chance.randrange(1, 4))).lstrip("/") or "a"
                    )
        folder.mkdir(exist_ok=True)
        found = image(folder)
        for _ in range(200):
            asked = "/".join(chance.choices(names, k=chance.randrange(1, 5)))
            place = resolve(found, f"/{asked}")
            there = place.path if place is not None and place.entry is not None else None
            assert there == opened(folder, asked), asked


def opened(folder: Path, name: str) -> str | None:
    """The kernel's own answer."""
    try:
        descriptor = os.open(folder / name, os.O_PATH)
    except OSError:
        return None
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(str(folder)) or "/"
    finally:
        os.close(descriptor)


def test_pipes_are_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    found = image(root)
    entry = found.entry("/pipe")
    assert entry is not None
    assert entry.kind is FileKind.OTHER
    with pytest.raises(HauberkError, match="not a regular file"):
        found.content("/pipe")


def test_what_may_not_be_read_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    # root may read everything, so that a folder without permissions would prove nothing
    monkeypatch.setattr("hauberk.cli.image.rootfs.folder_below", refused)
    with pytest.raises(HauberkError, match=r"--image web=.*: /private/x cannot be read: Permission denied; run as"):
        image(root).entry("/private/x")


def test_a_large_program_is_noted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.image.rootfs.MAX_ELF", 10)
    found = image(root)
    assert found.content("/usr/bin/app") is None
    assert list(found.notes) == ["/usr/bin/app is over 0 MiB: not looked into for libraries"]


def test_a_folder_of_too_many_names(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.cli.image.rootfs.MAX_LISTING", 1)
    with pytest.raises(HauberkError, match="more than 1 files"):
        image(root).names("/usr/bin")


def test_a_real_program_with_its_loader_and_libraries(tmp_path: Path) -> None:
    """What this system's shell loads is found, and found again in a root that has nothing but it."""
    shell = os.path.realpath(shutil.which("sh") or "")
    system = image(Path("/"))
    loads = Loader(system).loads(shell)
    if loads is None or loads.interpreter is None:
        missing("the shell of this system is not a dynamic program")
        return
    assert loads.libraries or "musl" in loads.interpreter
    assert loads.missing == ()
    for path in (shell, loads.interpreter, *loads.libraries):
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, tmp_path / path[1:])
    content = system.content(shell)
    assert isinstance(content, Elf)
    # the names by which they are asked for, which on the system may be links
    names = {content.interpreter or "": loads.interpreter}
    names |= {str(Path(path).parent / name): path for path in loads.libraries for name in content.needed}
    for name, path in names.items():
        link = tmp_path / name[1:]
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists() and (path == loads.interpreter or Path(name).resolve() == Path(path)):
            link.symlink_to(path)
    assert Loader(image(tmp_path)).loads(shell) == loads
