"""Which files the dynamic loader opens."""

from __future__ import annotations

import pytest

from hauberk.policy.images import Elf
from hauberk.policy.libraries import Loader, Loads
from hauberk.policy.problems import HauberkError
from support.images import Memory

LD = "/lib64/ld.so"


def program(*needed: str, interpreter: str | None = LD, rpath: str = "", runpath: str = "", machine: str = "64") -> Elf:
    paths = (tuple(path.split(":")) if path else () for path in (rpath, runpath))
    return Elf(machine, interpreter, needed, *paths)


def library(*needed: str, rpath: str = "", runpath: str = "", machine: str = "64") -> Elf:
    return program(*needed, interpreter=None, rpath=rpath, runpath=runpath, machine=machine)


def loads(files: dict[str, Elf | bytes | str], path: str = "/app", library_path: str = "") -> Loads | None:
    return Loader(Memory({"/lib64/ld.so": library(), **files}), library_path).loads(path)


def test_libraries_of_libraries_in_the_usual_folders() -> None:
    found = loads(
        {
            "/app": program("a.so", "c.so"),
            "/usr/lib64/a.so": "-> a.so.1",
            "/usr/lib64/a.so.1": library("b.so", "c.so"),
            "/lib/x86_64-linux-gnu/b.so": library("a.so"),
        }
    )
    assert found == Loads(LD, ("/usr/lib64/a.so.1", "/lib/x86_64-linux-gnu/b.so"), ("c.so",))


def test_static_programs_scripts_and_nothing() -> None:
    assert loads({"/app": program("a.so", interpreter=None)}) == Loads(None)
    assert loads({"/app": b""}) is None
    assert loads({"/app": program(interpreter="/none")}) == Loads(None, (), ("/none",))


def test_the_loader_itself_is_told_once() -> None:
    assert loads({"/app": program("ld.so")}) == Loads(LD)


def test_rpath_is_inherited_and_runpath_is_not() -> None:
    files: dict[str, Elf | bytes | str] = {"/opt/a.so": library("b.so"), "/opt/b.so": library()}
    assert loads({**files, "/app": program("a.so", rpath="/opt")}) == Loads(LD, ("/opt/a.so", "/opt/b.so"))
    assert loads({**files, "/app": program("a.so", runpath="/opt")}) == Loads(LD, ("/opt/a.so",), ("b.so",))
    # a runpath switches the rpath beside it off
    both = program("a.so", rpath="/opt", runpath="/none")
    assert loads({**files, "/app": both}) == Loads(LD, (), ("a.so",))


def test_origin_is_the_folder_of_the_file() -> None:
    files: dict[str, Elf | bytes | str] = {"/opt/app/lib/a.so": library()}
    expected = Loads(LD, ("/opt/app/lib/a.so",))
    assert loads({**files, "/opt/app/bin/x": program("a.so", runpath="$ORIGIN/../lib")}, "/opt/app/bin/x") == expected
    assert loads({**files, "/opt/app/bin/x": program("a.so", rpath="${ORIGIN}/../lib")}, "/opt/app/bin/x") == expected
    assert loads({**files, "/x": program("a.so", runpath="$LIB/x:relative")}, "/x") == Loads(LD, (), ("a.so",))


def test_files_for_another_machine_are_passed_over() -> None:
    files: dict[str, Elf | bytes | str] = {"/lib64/a.so": library(machine="32"), "/usr/lib/a.so": library()}
    assert loads({**files, "/app": program("a.so")}) == Loads(LD, ("/usr/lib/a.so",))


def test_names_with_a_slash_are_paths() -> None:
    assert loads({"/app": program("/x/a.so"), "/x/a.so": library()}) == Loads(LD, ("/x/a.so",))
    assert loads({"/app": program("x/a.so"), "/x/a.so": library()}) == Loads(LD, (), ("x/a.so",))


def test_ld_so_conf_and_what_it_includes() -> None:
    files: dict[str, Elf | bytes | str] = {
        "/etc/ld.so.conf": b"# own\ninclude ld.so.conf.d/*.conf\n/opt/one # why\n",
        "/etc/ld.so.conf.d/b.conf": b"/opt/two/\ninclude /etc/ld.so.conf\n",
        "/etc/ld.so.conf.d/other": b"/opt/three\n",
        "/opt/one/a.so": library(),
        "/opt/two/b.so": library(),
        "/opt/three/c.so": library(),
        "/app": program("a.so", "b.so", "c.so"),
    }
    assert loads(files) == Loads(LD, ("/opt/one/a.so", "/opt/two/b.so"), ("c.so",))


def test_ld_library_path_of_the_image() -> None:
    files: dict[str, Elf | bytes | str] = {"/app": program("a.so"), "/opt/a.so": library(), "/lib/a.so": library()}
    assert loads(files, library_path="relative:/opt") == Loads(LD, ("/opt/a.so",))


def test_an_image_that_is_made_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hauberk.policy.libraries._MAX_TRIES", 1000)
    with pytest.raises(HauberkError, match="takes more than 1000 steps"):
        loads({"/app": program(*(f"{number}.so" for number in range(200)), rpath=":".join(["/x"] * 10))})


def test_musl_has_its_own_names_and_folders() -> None:
    ld = "/lib/ld-musl-x86_64.so.1"
    files: dict[str, Elf | bytes | str] = {
        ld: library(),
        "/app": program("libc.musl-x86_64.so.1", "libm.so.6", "libz.so", "libmagic.so", interpreter=ld),
        "/usr/lib/libz.so": library("liby.so", rpath="/opt"),
        "/opt/liby.so": library(),
        "/lib/libmagic.so": library(),
    }
    assert loads(files) == Loads(ld, ("/usr/lib/libz.so", "/lib/libmagic.so", "/opt/liby.so"))
    files["/etc/ld-musl-x86_64.path"] = b"/usr/lib\n"
    assert loads(files) == Loads(ld, ("/usr/lib/libz.so", "/opt/liby.so"), ("libmagic.so",))
