"""The object that the wheel carries is built from the sources beside it, and speaks as its Python twin does."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

from hauberk.enforcer.kernel import wire
from support import ROOT, missing
from support.btf import structures

SOURCES = ROOT / "bpf"
OBJECT = SOURCES / "hauberk.bpf.o"


def needs(program: str, package: str) -> None:
    if not shutil.which(program):
        missing(f"{program} is not installed: Debian's {package}")


def test_the_object_is_that_of_the_sources(tmp_path: Path) -> None:
    needs("clang-19", "clang-19, llvm-19 and libbpf-dev")
    built = tmp_path / "built.bpf.o"
    subprocess.run(["make", "-s", "-C", SOURCES, f"OBJECT={built}"], check=True)
    assert built.read_bytes() == OBJECT.read_bytes(), "run `make -C bpf` and commit bpf/hauberk.bpf.o"


def test_the_sources_are_formatted() -> None:
    needs("clang-format-19", "clang-format-19")
    subprocess.run(["make", "-s", "-C", SOURCES, "check-format"], check=True)


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("hbk_settings", wire.SETTINGS),
        ("hbk_container", wire.CONTAINER),
        ("hbk_record", wire.RECORD),
        ("hbk_constants", wire.CONSTANTS),
    ],
)
def test_structures_are_as_long_as_their_twins(name: str, twin: struct.Struct) -> None:
    assert structures(OBJECT)[name].size == twin.size


def test_fields_stand_where_the_twins_have_them() -> None:
    found = structures(OBJECT)
    record = found["hbk_record"].offsets
    ids = "pid tgid ppid inner_pid inner_ppid uid"
    names = f"time cgroup slot policy rule suppressed {ids} result number op how reason cut"
    order = [*names.split(), "resource", "program", "parent", "comm"]
    values = list(range(1, len(order)))
    packed = wire.RECORD.pack(*values, b"x" * 16)
    sizes = {1: "B", 2: "H", 4: "I", 8: "Q"}
    ends = [*(record[name] for name in order[1:]), len(packed)]
    for name, value, end in zip(order[:-1], values, ends, strict=False):
        size = next(size for size in (8, 4, 2, 1) if size <= end - record[name])
        assert struct.unpack_from(f"<{sizes[size]}", packed, record[name])[0] == value, name
    assert packed[record["comm"] :] == b"x" * 16
    settings = found["hbk_settings"].offsets
    packed = wire.Settings(registry=1, levels=2, node=3, window=4, burst=5, observe=6).pack()
    names = "registry levels node window burst observe"
    assert [packed[settings[name]] for name in names.split()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("enum", "prefix"),
    [
        (wire.Kind, "HBK_"),
        (wire.Operation, "HBK_OP_"),
        (wire.How, "HBK_HOW_"),
        (wire.Counter, "HBK_COUNT_"),
        (wire.Fault, "HBK_FAULT_"),
        (wire.Flag, "HBK_"),
    ],
)
def test_numbers_are_those_of_the_header(enum: type[IntEnum | IntFlag], prefix: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (SOURCES / "wire.h").read_text(), flags=re.DOTALL)
    numbers: dict[str, int] = {}
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, flags=re.DOTALL):
        value = -1
        for entry in filter(None, (part.strip() for part in body.split(","))):
            name, _, given = (part.strip() for part in entry.partition("="))
            value = eval(given) if given else value + 1  # noqa: S307  a constant expression of our own header
            numbers[name] = value
    for member in enum:
        assert numbers[f"{prefix}{member.name}"] == member, member


def test_values_without_a_type_in_the_object_have_the_size_of_their_twins() -> None:
    text = (SOURCES / "lib/maps.bpf.h").read_text()
    assert f"_Static_assert(sizeof(struct hbk_value) == {wire.VALUE_BYTES}," in text
    assert f"_Static_assert(sizeof(struct hbk_cell) == {wire.CELL.size}," in text
    assert f"_Static_assert(sizeof(struct hbk_header) == {wire.HEADER.size - 8}," in text
    assert f"_Static_assert(sizeof(struct hbk_state) == {wire.STATE.size}," in text


def test_version_and_limits_are_those_of_the_header() -> None:
    text = (SOURCES / "wire.h").read_text()
    assert f"#define HBK_VERSION {wire.VERSION}\n" in text
    assert f"HBK_COMPONENTS = {wire.COMPONENTS}," in text
    assert f"HBK_NAME_WORDS = {wire.NAME_WORDS}," in text
    assert f"HBK_SETS = {wire.SETS}," in text
    assert f"HBK_LEVELS = {wire.LEVELS}," in text
