"""A pass that was kept (bpf/lib/cache.bpf.h) is found no more once anything that its verdict hangs on has changed.

Here a file is opened twice, so that its pass has been kept, then a process outside the container changes something,
and the next open must have the verdict of the name that the file has by then. That passes are kept, and found, is
what the costs of benchmarks/ show. Nothing else is seen of it while all is well; without the moves of directories, the
state of the namespace or the source in a tag, tests below fail, by passes that were kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.control import Control, Lines, enforcing
from support.keeper import Keeper
from support.programs import compiled

pytestmark = pytest.mark.guest

GROUP, OTHER_GROUP = "cache", "cache-other"
READER, OTHER_READER = "/t/reader", "/t/other-reader"
BASES = ("/cache", "/mnt/ext4/cache")
DENIED, ABSENT = 13, 2


def secret(*bases: str) -> dict[str, Any]:
    """Denies what is below secret/, the file free/denied, and /pivoted."""
    return {
        "action": "Block",
        "file": {
            "matchPaths": [{"path": f"{base}/free/denied"} for base in bases] + [{"path": "/pivoted"}],
            "matchDirectories": [{"dir": f"{base}/secret/", "recursive": True} for base in bases],
        },
    }


def block(path: str, **more: Any) -> dict[str, Any]:
    return {"action": "Block", "file": {"matchPaths": [{"path": path, **more}]}}


class Reader:
    def __init__(self, control: Control, program: str = READER, group: str = GROUP) -> None:
        self.lines = Lines(control.guest, control._entering(group, [program]))

    @property
    def pid(self) -> int:
        return self.lines.pid

    def open(self, path: str) -> int:
        return int(self.lines.asked(path))

    def keep(self, path: str) -> None:
        """Opens it, and again, which is silent and quick."""
        assert self.lines.asked(f"!{path}") == 0


class Bench:
    def __init__(self, control: Control) -> None:
        for program in (READER, OTHER_READER):
            control.guest.put(program, compiled("reader.c"), 0o755)
        control.register(GROUP)
        control.register(OTHER_GROUP, slot=2)
        self.control = control
        self.reader = Reader(control)

    def outside(self, script: str, *arguments: str) -> None:
        self.control.guest.run(["sh", "-ec", script, "sh", *arguments]).checked()

    def python(self, script: str, *arguments: str) -> None:
        self.control.guest.run(["python3", "-Ic", script, *arguments]).checked()

    @contextmanager
    def another(self, program: str = READER, group: str = GROUP) -> Iterator[Reader]:
        reader = Reader(self.control, program, group)
        try:
            yield reader
        finally:
            reader.lines.close()


@pytest.fixture(scope="module")
def loaded(keeper: Keeper) -> Iterator[Bench]:
    with enforcing(keeper.guest()) as control:
        bench = Bench(control)
        yield bench
        bench.reader.lines.close()


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(loaded: Bench, base: str) -> Bench:
    """With the policy of `secret`, and a file at free/file."""
    # a test that failed may have left mounts
    loaded.outside('grep -o " $1/[^ ]*" /proc/mounts | sort -r | xargs -r umount', base)
    loaded.outside('rm -rf "$1"; mkdir -p "$1/free" "$1/secret"; echo text >"$1/free/file"', base)
    loaded.control.set(secret(base))
    return loaded


def test_another_policy(bench: Bench, base: str) -> None:
    file = f"{base}/free/file"
    for _ in range(3):
        bench.reader.keep(file)
        bench.control.set(block(file))
        assert bench.reader.open(file) == DENIED
        bench.control.set(secret(base))
        assert bench.reader.open(file) == 0
        bench.control.clear()
        bench.reader.keep(file)
        bench.control.set(block(file))
        assert bench.reader.open(file) == DENIED
        bench.control.set(block(f"{base}/free/denied"))


def test_a_rename_of_the_file(bench: Bench, base: str) -> None:
    for _ in range(3):
        bench.reader.keep(f"{base}/free/file")
        bench.outside('mv "$1/free/file" "$1/free/denied"', base)
        assert bench.reader.open(f"{base}/free/denied") == DENIED
        bench.outside('mv "$1/free/denied" "$1/free/file"', base)


def test_a_rename_over_a_file(bench: Bench, base: str) -> None:
    """The name that is free is another file's then, and the file that was there has none."""
    bench.outside('echo 2 >"$1/secret/file"', base)
    bench.reader.keep(f"{base}/free/file")
    bench.outside('mv "$1/free/file" "$1/secret/file"', base)
    assert bench.reader.open(f"{base}/secret/file") == DENIED
    assert bench.reader.open(f"{base}/free/file") == ABSENT


@pytest.mark.parametrize("level", range(4))
def test_a_rename_of_a_directory_above(bench: Bench, base: str, level: int) -> None:
    parts = ["a", "b", "c", "d"]
    above, moved, below = "/".join(parts[:level]), parts[level], "/".join(parts[level + 1 :])
    bench.outside('mkdir -p "$1/free/a/b/c/d"; mv "$1/free/file" "$1/free/a/b/c/d/file"; mkdir -p "$1/secret/$2"',
                  base, above)  # fmt: skip
    name = f"{moved}/{below}/file" if below else f"{moved}/file"
    for _ in range(2):
        bench.reader.keep(f"{base}/free/{above}/{name}")
        bench.outside('mv "$1/free/$2/$3" "$1/secret/$2/$3"', base, above, moved)
        assert bench.reader.open(f"{base}/secret/{above}/{name}") == DENIED
        bench.outside('mv "$1/secret/$2/$3" "$1/free/$2/$3"', base, above, moved)
    bench.reader.keep(f"{base}/free/{above}/{name}")


def test_an_exchange_of_two_directories(bench: Bench, base: str) -> None:
    bench.outside('echo 2 >"$1/secret/file"', base)
    bench.reader.keep(f"{base}/free/file")
    assert bench.reader.open(f"{base}/secret/file") == DENIED
    bench.python(
        "import ctypes, sys; a, b = (x.encode() for x in sys.argv[1:]);"
        "sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2))",
        f"{base}/free",
        f"{base}/secret",
    )
    assert bench.reader.open(f"{base}/secret/file") == DENIED
    assert bench.reader.open(f"{base}/free/file") == 0


def test_a_mount_that_is_moved(bench: Bench, base: str) -> None:
    bench.outside('mkdir "$1/free/m" "$1/secret/m"; mount -t tmpfs tmpfs "$1/free/m"; echo >"$1/free/m/file"', base)
    try:
        for _ in range(2):
            bench.reader.keep(f"{base}/free/m/file")
            bench.outside('mount --move "$1/free/m" "$1/secret/m"', base)
            assert bench.reader.open(f"{base}/secret/m/file") == DENIED
            bench.outside('mount --move "$1/secret/m" "$1/free/m"', base)
    finally:
        bench.outside('umount "$1/free/m"', base)


def test_the_same_file_by_another_mount(bench: Bench, base: str) -> None:
    bench.outside('mkdir "$1/secret/m"', base)
    bench.reader.keep(f"{base}/free/file")
    bench.outside('mount --bind "$1/free" "$1/secret/m"', base)
    try:
        assert bench.reader.open(f"{base}/secret/m/file") == DENIED
        assert bench.reader.open(f"{base}/free/file") == 0
    finally:
        bench.outside('umount "$1/secret/m"', base)
    assert bench.reader.open(f"{base}/secret/m/file") == ABSENT
    assert bench.reader.open(f"{base}/free/file") == 0


def test_a_mount_that_ends_and_one_that_takes_its_place(bench: Bench, base: str) -> None:
    """The second may well stand where the first stood in the kernel's memory."""
    bench.outside('mkdir "$1/free/m" "$1/secret/m"', base)
    for _ in range(5):
        bench.outside('mount --bind "$1/free" "$1/free/m"', base)
        bench.reader.keep(f"{base}/free/m/file")
        bench.outside('umount "$1/free/m"; mount --bind "$1/free" "$1/secret/m"', base)
        assert bench.reader.open(f"{base}/secret/m/file") == DENIED
        bench.outside('umount "$1/secret/m"', base)


def test_a_mount_over_the_directory(bench: Bench, base: str) -> None:
    """What is seen under a free name then is another directory: the name it has there counts."""
    bench.outside('echo 2 >"$1/secret/file"; mkdir "$1/secret/m"', base)
    bench.reader.keep(f"{base}/free/file")
    bench.outside('mount --bind "$1/secret" "$1/free"', base)
    try:
        assert bench.reader.open(f"{base}/free/file") == 0
        assert bench.reader.open(f"{base}/secret/file") == DENIED
    finally:
        bench.outside('umount "$1/free"', base)
    assert bench.reader.open(f"{base}/free/file") == 0
    assert bench.reader.open(f"{base}/secret/file") == DENIED


def test_a_mount_namespace_of_its_own(bench: Bench, base: str) -> None:
    bench.outside('mkdir "$1/secret/m"', base)
    with bench.another() as reader:
        reader.keep(f"{base}/free/file")
        bench.control.clear()
        assert reader.open("@") == 0
        bench.control.set(secret(base))
        reader.keep(f"{base}/free/file")
        bench.outside('nsenter --target "$2" --mount mount --bind "$1/free" "$1/secret/m"', base, str(reader.pid))
        assert reader.open(f"{base}/secret/m/file") == DENIED
        assert bench.reader.open(f"{base}/secret/m/file") == ABSENT
        reader.keep(f"{base}/free/file")
        bench.reader.keep(f"{base}/free/file")


def test_a_root_that_is_pivoted(bench: Bench, base: str) -> None:
    bench.outside('mkdir -p "$1/free/old"; mv "$1/free/file" "$1/free/pivoted"', base)
    with bench.another() as reader:
        bench.control.clear()
        assert reader.open("@") == 0
        bench.control.set(secret(base))
        reader.keep(f"{base}/free/pivoted")
        bench.outside(
            'nsenter --target "$2" --mount sh -ec \'mount --bind "$1/free" "$1/free"; cd "$1/free"; pivot_root . old\''
            ' sh "$1"',
            base,
            str(reader.pid),
        )
        assert reader.open("/pivoted") == DENIED
        bench.reader.keep(f"{base}/free/pivoted")


def test_a_hard_link_whose_first_name_is_removed(bench: Bench, base: str) -> None:
    for _ in range(3):
        bench.reader.keep(f"{base}/free/file")
        bench.outside('ln "$1/free/file" "$1/secret/file"', base)
        assert bench.reader.open(f"{base}/secret/file") == DENIED
        bench.reader.keep(f"{base}/free/file")
        bench.outside('rm "$1/free/file"', base)
        assert bench.reader.open(f"{base}/secret/file") == DENIED
        bench.outside('ln "$1/secret/file" "$1/free/file"; rm "$1/secret/file"', base)


def test_a_file_that_is_removed_and_another_one_made(bench: Bench, base: str) -> None:
    """It may get the number, and the place in memory, of the one that went."""
    for _ in range(5):
        bench.reader.keep(f"{base}/free/file")
        bench.outside('rm "$1/free/file"; echo text >"$1/secret/file"', base)
        assert bench.reader.open(f"{base}/secret/file") == DENIED
        bench.outside('rm "$1/secret/file"; echo text >"$1/free/file"', base)
        assert bench.reader.open(f"{base}/free/file") == 0


def test_another_source(bench: Bench, base: str) -> None:
    file = f"{base}/free/file"
    bench.control.set(block(file, fromSource=[{"path": OTHER_READER}]))
    with bench.another(OTHER_READER) as other:
        for _ in range(2):
            bench.reader.keep(file)
            assert other.open(file) == DENIED


def test_another_workload(bench: Bench, base: str) -> None:
    file = f"{base}/free/file"
    bench.control.set(block(file), slot=2)
    with bench.another(group=OTHER_GROUP) as other:
        for _ in range(2):
            bench.reader.keep(file)
            assert other.open(file) == DENIED
        bench.control.set(secret(base), slot=2)
        other.keep(file)
        bench.control.set(block(file))
        assert bench.reader.open(file) == DENIED
        assert other.open(file) == 0
    bench.control.clear(slot=2)


def test_another_owner(bench: Bench, base: str) -> None:
    """Never kept: nobody is told when an owner changes."""
    file = f"{base}/free/file"
    bench.control.set(block(file, ownerOnly=True))
    for _ in range(2):
        bench.reader.keep(file)
        bench.outside('chown 1000 "$1"', file)
        assert bench.reader.open(file) == DENIED
        bench.outside('chown 0 "$1"', file)
