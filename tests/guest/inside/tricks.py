# ruff: noqa: S606  tricks are what this is for
"""Runs in a guest: ways around a policy.

usage: python3 tricks.py

Reads lines "TRICK BASE CGROUP OUTSIDE" (OUTSIDE is the pid of a process in no container), makes BASE anew, does the
trick in a fork that is in CGROUP, and answers its exit code and complaint as JSON. 0: it got through. 1: it was
refused (EACCES, EPERM). Anything else: the trick itself does not work here.
What a policy is meant to protect: BASE/secret/key is not to be read, BASE/bin/tool and BASE/bin/dynamic are not to
be run, BASE/conf and all below is not to be changed.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TRICKS: dict[str, Callable[[Path], None]] = {}
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x400
SYS = {
    "linkat": 265,
    "mount": 165,
    "pivot_root": 155,
    "unshare": 272,
    "setns": 308,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "renameat2": 316,
    "bpf": 321,
    "execveat": 322,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "open_tree": 428,
    "clone3": 435,
    "process_vm_writev": 311,
}
NEWNS, NEWPID, NEWUSER, NEWCGROUP = 0x20000, 0x20000000, 0x10000000, 0x02000000
BIND, PRIVATE_ALL = 4096, (1 << 18) | 16384


def trick(function: Callable[[Path], None]) -> Callable[[Path], None]:
    TRICKS[function.__name__] = function
    return function


def syscall(name: str, *arguments: object) -> int:
    result: int = LIBC.syscall(SYS[name], *(ctypes.c_void_p(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def read(path: Path | str) -> None:
    assert Path(path).read_bytes() == b"secret\n"


def run(*argv: object, **options: object) -> None:
    subprocess.run([str(word) for word in argv], check=True, **options)  # type: ignore[call-overload]


def in_child(action: Callable[[], None]) -> None:
    """In a fork, whose refusal is ours."""
    child = os.fork()
    if not child:
        code = 3
        try:
            action()
            code = 0
        except PermissionError:
            code = 1
        except BaseException as error:  # noqa: BLE001  a child must not go on as its parent
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 1:
        raise PermissionError(errno.EACCES, "refused in a child")
    if status:
        raise RuntimeError(f"child ended with {status}")


# -- no trick at all: what every policy of the suite must refuse


@trick
def plain_read(base: Path) -> None:
    read(base / "secret/key")


@trick
def plain_exec(base: Path) -> None:
    run(base / "bin/tool")


@trick
def plain_write(base: Path) -> None:
    (base / "conf/a/file").write_text("x")


# -- identity (E5)


@trick
def unshare_mounts(base: Path) -> None:
    syscall("unshare", NEWNS)
    read(base / "secret/key")


@trick
def unshare_pids(base: Path) -> None:
    syscall("unshare", NEWPID)
    in_child(lambda: read(base / "secret/key"))


@trick
def unshare_user(base: Path) -> None:
    def inside() -> None:
        syscall("unshare", NEWUSER | NEWNS)
        read(base / "secret/key")

    in_child(inside)


@trick
def unshare_cgroup(base: Path) -> None:
    syscall("unshare", NEWCGROUP)
    read(base / "secret/key")


@trick
def setns_of_another(base: Path) -> None:
    """Into the mount namespace of a process outside."""
    with Path("/proc/1/ns/mnt").open() as namespace:
        syscall("setns", namespace.fileno(), NEWNS)
    read(base / "secret/key")


@trick
def leave_the_cgroup(base: Path) -> None:
    Path("/sys/fs/cgroup/cgroup.procs").write_text(str(os.getpid()))
    read(base / "secret/key")


@trick
def clone_into_another_cgroup(base: Path) -> None:
    """clone3 with CLONE_INTO_CGROUP (uapi/linux/sched.h)."""
    root = os.open("/sys/fs/cgroup", os.O_RDONLY | os.O_DIRECTORY)
    arguments = struct.pack("<11Q", 0x200000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, root)
    child = syscall("clone3", ctypes.create_string_buffer(arguments), len(arguments))
    if not child:
        code = 3
        try:
            read(base / "secret/key")
            code = 0
        except PermissionError:
            code = 1
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1:
        raise PermissionError(errno.EACCES, "refused in the clone")


@trick
def double_fork(base: Path) -> None:
    def second() -> None:
        os.setsid()
        in_child(lambda: read(base / "secret/key"))

    in_child(second)


@trick
def change_root(base: Path) -> None:
    os.chroot(base / "secret")
    read("/key")


@trick
def change_root_exec(base: Path) -> None:
    def inside() -> None:
        os.chroot(base / "bin")
        os.execv("/tool", ["tool"])

    in_child(inside)


@trick
def pivot_the_root(base: Path) -> None:
    syscall("unshare", NEWNS)
    syscall("mount", b"none", b"/", 0, PRIVATE_ALL, 0)
    new = str(base / "secret").encode()
    syscall("mount", new, new, 0, BIND, 0)
    os.chdir(new)
    syscall("pivot_root", b".", b".")
    read("/key")


@trick
def trace_a_process_outside(base: Path) -> None:
    """PTRACE_ATTACH (16) to a process that is in no container, which then would act for us."""
    if LIBC.ptrace(16, int(os.environ["OUTSIDE"]), 0, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@trick
def write_to_the_memory_of_a_process_outside(base: Path) -> None:
    with Path(f"/proc/{os.environ['OUTSIDE']}/mem").open("r+b"):
        pass


@trick
def maps_of_the_enforcer(base: Path) -> None:
    """BPF_MAP_GET_NEXT_ID (12), then BPF_MAP_GET_FD_BY_ID (14), as root of the node may."""
    attributes = ctypes.create_string_buffer(128)
    syscall("bpf", 12, attributes, 128)
    struct.pack_into("<I", attributes, 0, struct.unpack_from("<I", attributes.raw, 4)[0])
    syscall("bpf", 14, attributes, 128)


# -- names (E6)


@trick
def symbolic_link(base: Path) -> None:
    link = base / "link"
    link.symlink_to(base / "secret/key")
    try:
        read(link)
    finally:
        link.unlink()


@trick
def symbolic_link_exec(base: Path) -> None:
    link = base / "linked"
    link.symlink_to(base / "bin/tool")
    try:
        run(link)
    finally:
        link.unlink()


@trick
def hard_link(base: Path) -> None:
    os.link(base / "secret/key", base / "hard")
    try:
        read(base / "hard")
    finally:
        (base / "hard").unlink()


@trick
def hard_link_exec(base: Path) -> None:
    os.link(base / "bin/tool", base / "hardtool")
    try:
        run(base / "hardtool")
    finally:
        (base / "hardtool").unlink()


def renamed(old: Path, new: Path, use: Callable[[], None]) -> None:
    old.rename(new)
    try:
        use()
    finally:
        new.rename(old)


@trick
def rename_the_file(base: Path) -> None:
    renamed(base / "secret/key", base / "moved", lambda: read(base / "moved"))


@trick
def rename_the_program(base: Path) -> None:
    renamed(base / "bin/tool", base / "movedtool", lambda: run(base / "movedtool"))


@trick
def rename_the_parent(base: Path) -> None:
    renamed(base / "secret", base / "open", lambda: read(base / "open/key"))


@trick
def rename_the_parent_of_the_program(base: Path) -> None:
    renamed(base / "bin", base / "nib", lambda: run(base / "nib/tool"))


@trick
def rename_a_directory_with_a_ruled_one_below(base: Path) -> None:
    renamed(base / "deep", base / "peed", lambda: read(base / "peed/a/b/key"))


@trick
def exchange_names(base: Path) -> None:
    """renameat2 with RENAME_EXCHANGE (2)."""
    (base / "other").write_bytes(b"other\n")
    old, new = str(base / "secret/key").encode(), str(base / "other").encode()
    syscall("renameat2", AT_FDCWD, old, AT_FDCWD, new, 2)
    try:
        read(base / "other")
    finally:
        syscall("renameat2", AT_FDCWD, old, AT_FDCWD, new, 2)


@trick
def bind_mount(base: Path) -> None:
    syscall("unshare", NEWNS)
    syscall("mount", b"none", b"/", 0, PRIVATE_ALL, 0)
    (base / "mounted").mkdir(exist_ok=True)
    syscall("mount", str(base / "secret").encode(), str(base / "mounted").encode(), 0, BIND, 0)
    read(base / "mounted/key")


@trick
def overlay_mount(base: Path) -> None:
    syscall("unshare", NEWNS)
    syscall("mount", b"none", b"/", 0, PRIVATE_ALL, 0)
    place = base / "merged"
    place.mkdir(exist_ok=True)
    options = f"lowerdir={base}/secret:{base}/empty"
    syscall("mount", b"o", str(place).encode(), b"overlay", 0, options.encode())
    read(place / "key")


@trick
def detached_mount(base: Path) -> None:
    """open_tree with OPEN_TREE_CLONE (1): a copy of a mount that has no place in any namespace."""
    tree = syscall("open_tree", AT_FDCWD, str(base / "secret").encode(), 1)
    read(f"/proc/self/fd/{tree}/key")


@trick
def descriptor_of_proc(base: Path) -> None:
    """O_PATH asks nobody; opening the descriptor again does."""
    fd = os.open(base / "secret/key", os.O_PATH)
    read(f"/proc/self/fd/{fd}")


@trick
def root_of_proc(base: Path) -> None:
    read(f"/proc/self/root{base}/secret/key")


@trick
def relative_to_a_directory(base: Path) -> None:
    folder = os.open(base / "secret", os.O_PATH | os.O_DIRECTORY)
    with os.fdopen(os.open("key", os.O_RDONLY, dir_fd=folder), "rb") as file:
        assert file.read() == b"secret\n"


@trick
def dots_and_slashes(base: Path) -> None:
    read(f"{base}//secret/../secret/./key")


@trick
def open_by_handle(base: Path) -> None:
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    path = str(base / "secret/key").encode()
    syscall("name_to_handle_at", AT_FDCWD, path, handle, ctypes.byref(mount), 0)
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    fd = syscall("open_by_handle_at", folder, handle, os.O_RDONLY)
    assert os.read(fd, 20) == b"secret\n"


@trick
def io_uring_open(base: Path) -> None:
    """One IORING_OP_OPENAT (18), done by the kernel for us (uapi/linux/io_uring.h)."""
    parameters = ctypes.create_string_buffer(120)
    ring = syscall("io_uring_setup", 4, parameters)
    _, _, _, _, _, _, _ = head = struct.unpack_from("<7I", parameters.raw)
    sq = struct.unpack_from("<9I", parameters.raw, 40)
    cq = struct.unpack_from("<9I", parameters.raw, 80)
    size = max(sq[6] + 4 * head[0], cq[5] + 16 * head[1])
    rings = mmap.mmap(ring, size, mmap.MAP_SHARED, offset=0)
    entries = mmap.mmap(ring, 64 * head[0], mmap.MAP_SHARED, offset=0x10000000)
    path = ctypes.create_string_buffer(str(base / "secret/key").encode())
    entry = struct.pack("<BBHiQQIIQ", 18, 0, 0, AT_FDCWD, 0, ctypes.addressof(path), 0, os.O_RDONLY, 7)
    entries[: len(entry)] = entry
    struct.pack_into("<I", rings, sq[6], 0)
    tail = struct.unpack_from("<I", rings, sq[1])[0]
    struct.pack_into("<I", rings, sq[1], tail + 1)
    syscall("io_uring_enter", ring, 1, 1, 1, 0, 0)
    result = struct.unpack_from("<Qi", rings, cq[5])[1]
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    assert os.read(result, 20) == b"secret\n"


@trick
def descriptor_passed(base: Path) -> None:
    """From a child: it must open the file itself."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        fd = os.open(base / "secret/key", os.O_RDONLY)
        socket.send_fds(theirs, [b"x"], [fd])

    in_child(send)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    assert os.read(fds[0], 20) == b"secret\n"


@trick
def loader_runs_the_program(base: Path) -> None:
    run("/lib64/ld-linux-x86-64.so.2", base / "bin/dynamic")


@trick
def map_then_protect(base: Path) -> None:
    """A program's text mapped for reading, made executable afterwards."""
    fd = os.open(base / "bin/dynamic", os.O_RDONLY)
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(4096), 1, 2, fd, ctypes.c_long(0))
    assert address not in (None, ctypes.c_void_p(-1).value)
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@trick
def script_with_it_as_interpreter(base: Path) -> None:
    script = base / "script"
    script.write_text(f"#!{base}/bin/tool\n")
    script.chmod(0o755)
    try:
        run(script)
    finally:
        script.unlink()


@trick
def exec_of_a_descriptor(base: Path) -> None:
    fd = os.open(base / "bin/tool", os.O_RDONLY)
    arguments = (ctypes.c_char_p * 2)(b"tool", None)

    def execute() -> None:
        syscall("execveat", fd, b"", arguments, 0, AT_EMPTY_PATH)

    in_child(execute)


@trick
def copy_of_the_program(base: Path) -> None:
    copy = base / "copy"
    copy.write_bytes((base / "bin/tool").read_bytes())
    copy.chmod(0o755)
    try:
        run(copy)
    finally:
        copy.unlink()


@trick
def program_in_memory(base: Path) -> None:
    fd = os.memfd_create("tool")
    os.write(fd, (base / "bin/tool").read_bytes())
    run(f"/proc/self/fd/{fd}", pass_fds=[fd])


@trick
def deleted_program(base: Path) -> None:
    copy = base / "deleted"
    copy.write_bytes((base / "bin/tool").read_bytes())
    copy.chmod(0o755)
    fd = os.open(copy, os.O_RDONLY)
    copy.unlink()
    run(f"/proc/self/fd/{fd}", pass_fds=[fd])


@trick
def deep_path(base: Path) -> None:
    read(base / "deep" / "/".join("d" * 60) / "key")


@trick
def long_name(base: Path) -> None:
    read(base / "deep" / ("n" * 250) / "key")


@trick
def truncate(base: Path) -> None:
    os.truncate(base / "conf/a/file", 0)


@trick
def open_truncates(base: Path) -> None:
    os.open(base / "conf/a/file", os.O_RDONLY | os.O_TRUNC)


@trick
def shared_mapping(base: Path) -> None:
    fd = os.open(base / "conf/a/file", os.O_RDWR)
    mmap.mmap(fd, 1, mmap.MAP_SHARED, mmap.PROT_WRITE)[0:1] = b"y"


@trick
def change_mode(base: Path) -> None:
    (base / "conf/a/file").chmod(0o777)


@trick
def change_owner(base: Path) -> None:
    os.chown(base / "conf/a/file", 1, 1)


@trick
def new_file(base: Path) -> None:
    (base / "conf/a/new").mkdir()


@trick
def nameless_file_linked_in(base: Path) -> None:
    fd = os.open(base / "conf", os.O_TMPFILE | os.O_RDWR)
    old, new = f"/proc/self/fd/{fd}".encode(), str(base / "conf/a/linked").encode()
    syscall("linkat", AT_FDCWD, old, AT_FDCWD, new, AT_SYMLINK_FOLLOW)


@trick
def replace_by_rename(base: Path) -> None:
    (base / "fresh").write_text("x")
    (base / "fresh").rename(base / "conf/a/file")


@trick
def remove(base: Path) -> None:
    (base / "conf/a/file").unlink()


def prepare(base: Path) -> None:
    shutil.rmtree(base, ignore_errors=True)
    deep = (base / "deep" / "/".join("d" * 60), base / "deep" / ("n" * 250), base / "deep/a/b")
    for folder in (base / "secret", base / "bin", base / "conf/a", base / "empty", *deep):
        folder.mkdir(parents=True)
    for folder in (base / "secret", *deep):
        (folder / "key").write_bytes(b"secret\n")
    (base / "conf/a/file").write_text("as it was")
    shutil.copy("/t/true", base / "bin/tool")
    shutil.copy("/usr/bin/true", base / "bin/dynamic")


def attempt(name: str, base: Path) -> int:
    try:
        TRICKS[name](base)
    except PermissionError as error:
        print(repr(error), file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(repr(error), file=sys.stderr)
        # the loader and shells say 126 or 127 for what they may not run
        return 1 if error.returncode in {126, 127} else 4
    except BaseException as error:  # noqa: BLE001  a fork must not go on as its parent
        print(repr(error), file=sys.stderr)
        return 5
    return 0


def serve(line: str) -> list[object]:
    name, base, group, outside = line.split()
    prepare(Path(base))
    with tempfile.TemporaryFile() as complaint:
        child = os.fork()
        if not child:
            os.dup2(complaint.fileno(), 2)
            Path("/sys/fs/cgroup", group, "cgroup.procs").write_text(str(os.getpid()))
            os.environ["OUTSIDE"] = outside
            code = attempt(name, Path(base))
            sys.stderr.flush()
            os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        complaint.seek(0)
        return [status, complaint.read().decode()]


if __name__ == "__main__":
    print(json.dumps("ready"), flush=True)
    for given in sys.stdin:
        print(json.dumps(serve(given)), flush=True)
