"""ELF files: real ones, small ones, and such as were made to confuse a reader."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import pytest

from hauberk.cli.image import elf as module
from hauberk.cli.image.elf import parse
from hauberk.policy.images import Elf
from hauberk.policy.problems import HauberkError
from support.images import elf


def test_all_that_the_loader_reads() -> None:
    found = parse(elf("a.so", "b.so", interpreter="/lib/ld.so", rpath="/a:/b", runpath="$ORIGIN/lib"))
    assert found == Elf("2.1.EM_X86_64", "/lib/ld.so", ("a.so", "b.so"), ("/a", "/b"), ("$ORIGIN/lib",))


def test_a_library_has_no_interpreter() -> None:
    found = parse(elf("a.so", interpreter=""))
    assert found is not None
    assert found.interpreter is None


def test_a_real_program() -> None:
    found = parse(Path(sys.executable).read_bytes())
    assert found is not None
    assert found.interpreter is not None
    assert Path(found.interpreter).exists()
    assert any(name.startswith("libc.") for name in found.needed)


def test_machines_differ() -> None:
    one, other = parse(elf()), parse(elf(machine=183))
    assert one is not None
    assert other is not None
    assert one.machine != other.machine


def test_what_the_kernel_does_not_load() -> None:
    assert parse(elf(kind=4)) is None  # a core dump
    assert parse(b"\x7fELF") is None
    assert parse(b"\x7fELF\x09" + elf()[5:]) is None
    whole = elf("a.so")
    for cut in range(52, len(whole), 7):
        parse(whole[:cut])


def changed(offset: int, form: str, value: int) -> bytes:
    data = bytearray(elf("a.so"))
    struct.pack_into(form, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        changed(56, "<H", 0xFFFF),  # as many program headers as can be said
        changed(54, "<H", 0),  # all headers are the same one
        changed(32, "<Q", 1 << 63),  # headers beyond the file
        changed(40, "<Q", 1 << 62),  # sections, which nobody should look at
        changed(60, "<H", 0xFFFF),
        changed(64 + 56 + 32, "<Q", 1 << 62),  # a dynamic segment of any size
        changed(64 + 56 + 8, "<Q", 1 << 62),
    ],
)
def test_hostile_headers_end_soon(data: bytes) -> None:
    parse(data)


def test_tags_and_strings_without_an_end_are_bounded() -> None:
    data = bytearray(elf("a.so", interpreter=""))
    at = len(data) // 8 * 8
    data += struct.pack("<qQ", 1, 1) * 1_000_000
    struct.pack_into("<Q", data, 64 + 56 + 8, at)
    struct.pack_into("<Q", data, 64 + 56 + 32, len(data) - at)
    parse(bytes(data))


def test_random_damage_is_no_traceback() -> None:
    chance = random.Random(7)  # noqa: S311  # not for secrets
    whole = elf("a.so", "b.so", rpath="/x")
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(16, len(data))] = chance.randrange(256)
        parse(bytes(data))


def test_without_pyelftools_the_command_to_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(HauberkError, match=r'pip install "hauberk\[image\]"'):
        module.need()
