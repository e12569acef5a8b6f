"""What is read of a kernel, from files like its own."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hauberk.enforcer.kernel.errors import KernelError
from hauberk.enforcer.kernel.symbols import address, has_function, look_ahead

BLOCK = 1 << 18
FIRST = "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\n"
WANTED = "ffffffff8209a640 d rename_lock\n"


def symbols(folder: Path, text: str) -> Path:
    (folder / "kallsyms").write_text(text)
    return folder / "kallsyms"


def test_the_address_of_a_symbol(tmp_path: Path) -> None:
    others = "ffffffff81000010 t rename_locks\nffffffff81000020 t not_rename_lock\n"
    module = "ffffffffc0000000 d rename_lock\t[stranger]\n"
    assert address("rename_lock", symbols(tmp_path, FIRST + others + module + WANTED)) == 0xFFFFFFFF8209A640


@pytest.mark.parametrize("cut", range(len(WANTED) + 1))
def test_a_line_that_two_reads_share(tmp_path: Path, cut: int) -> None:
    line = "ffffffff81000000 t filler\n"
    room = BLOCK - cut
    lines = room // len(line)
    before = line * (lines - 1) + "f" * (room - lines * len(line)) + line
    assert address("rename_lock", symbols(tmp_path, before + WANTED + FIRST)) == 0xFFFFFFFF8209A640


@pytest.mark.parametrize(
    ("text", "number", "remedy"),
    [
        (FIRST, errno.ENOENT, "CONFIG_KALLSYMS_ALL=y"),
        ("", errno.ENOENT, "CONFIG_KALLSYMS_ALL=y"),
        ("0000000000000000 d rename_lock\n", errno.EPERM, "kernel.kptr_restrict=1"),
    ],
)
def test_a_kernel_that_does_not_tell(tmp_path: Path, text: str, number: int, remedy: str) -> None:
    with pytest.raises(KernelError) as found:
        address("rename_lock", symbols(tmp_path, text))
    assert found.value.errno == number
    assert remedy in str(found.value)


def test_looking_ahead_is_looking_once(tmp_path: Path) -> None:
    path = symbols(tmp_path, WANTED)
    look_ahead("rename_lock", path).join()
    path.unlink()
    assert address("rename_lock", path) == 0xFFFFFFFF8209A640


def test_what_was_not_found_is_looked_for_again(tmp_path: Path) -> None:
    look_ahead("rename_lock", tmp_path / "kallsyms").join()
    with pytest.raises(KernelError):
        address("rename_lock", tmp_path / "kallsyms")
    assert address("rename_lock", symbols(tmp_path, WANTED)) == 0xFFFFFFFF8209A640


def test_what_cannot_be_read_is_not_taken_for_read(tmp_path: Path) -> None:
    with pytest.raises(KernelError) as found:
        address("rename_lock", tmp_path)
    assert found.value.errno == errno.EISDIR


def test_a_kernel_without_symbols(tmp_path: Path) -> None:
    with pytest.raises(KernelError) as found:
        address("rename_lock", tmp_path / "kallsyms")
    assert found.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    ("name", "there"), [("bpf_lsm_file_open", True), ("bpf_lsm_file", False), ("lsm_file_open", False), ("x", False)]
)
def test_functions_that_the_types_name(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "vmlinux").write_bytes(b"\x9f\xeb\x01\0int\0bpf_lsm_file_open\0bpf_lsm_file_receive\0")
    assert has_function(name, tmp_path / "vmlinux") is there
