"""Makes a root file system that holds nothing, starts an actor, and goes there with it.

A script of its own, run in fresh namespaces (mount, network, UTS, IPC, pid) by `unshare`. The actor is a copy of the
running interpreter at the path that a test calls the source: it is started while the node's libraries can still be
opened, and keeps them mapped when the made-up root takes the place of the node's. Of the node's files nothing is
visible from then on.

usage: python stage.py PLAN, JSON as `performance.py` writes it
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

_FAILED = 1


def main() -> None:
    plan: dict[str, Any] = json.loads(sys.argv[1])
    # whoever acts must need no capability to reach what it acts on
    os.umask(0)
    base: str = plan["base"]
    run([plan["mount"], "-t", "tmpfs", "-o", "mode=777", "hauberk", base])
    ready, go = os.pipe(), os.pipe()
    actor = start(plan, base, ready[1], go[0])
    os.close(ready[1])
    os.close(0)
    os.close(1)
    if os.read(ready[0], 1):
        leave(plan, base)
        os.write(go[1], b".")
    _, status = os.waitpid(actor, 0)
    sys.exit(min(abs(os.waitstatus_to_exitcode(status)), 255))


def start(plan: dict[str, Any], base: str, ready: int, go: int) -> int:
    """The interpreter again, at the path of the source or, without one, in memory only."""
    with open("/proc/self/exe", "rb") as file:  # noqa: PTH123  what is not needed is not imported
        program = file.read()
    source: str | None = plan["source"]
    executable: str | int
    if source is None:
        executable = os.memfd_create("actor")
        fill(executable, program)
    else:
        executable = base + source
        folder = executable.rpartition("/")[0]
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103  likewise
        fd = os.open(executable, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777)
        fill(fd, program)
        os.close(fd)
    actor = os.fork()
    if actor:
        return actor
    try:
        for fd in (ready, go):
            os.set_inheritable(fd, True)
        if source is None:
            # what has no path is of no mount namespace: only a task that is inside before it starts it stays so
            os.write(plan["entrance"], b"0")
        arguments = ["actor", "-S", "-s", "-P", "-B", plan["actor"], str(ready), str(go), str(plan["entrance"])]
        arguments.append(str(int(plan["tty"])))
        os.execve(executable, arguments, plan["environment"])  # noqa: S606  no shell
    except OSError as error:
        say(f"the actor cannot be started: {error}")
    os._exit(_FAILED)


def fill(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
    os.fchmod(fd, 0o777)


def leave(plan: dict[str, Any], base: str) -> None:
    """From here on `base` is the root, of the actor as well, and the node's root is nowhere."""
    old = f"{base}/{plan['aside']}"
    os.mkdir(old)  # noqa: PTH102  likewise
    run([plan["pivot_root"], base, old])
    run([plan["umount"], "-n", "-l", "/"], root=f"/{plan['aside']}")
    os.rmdir(f"/{plan['aside']}")  # noqa: PTH106  likewise


def run(argv: list[str], root: str = "") -> None:
    child = os.fork()
    if not child:
        with suppress(OSError):
            os.dup2(2, 1)
            if root:
                os.chroot(root)
                os.chdir("/")
            os.execv(argv[0], argv)  # noqa: S606  no shell
        say(f"{argv[0]} cannot be started")
        os._exit(_FAILED)
    _, status = os.waitpid(child, 0)
    if status:
        say(f"{' '.join(argv)} failed")
        os._exit(_FAILED)


def say(text: str) -> None:
    os.write(2, f"{text}\n".encode(errors="replace"))


if __name__ == "__main__":
    main()
