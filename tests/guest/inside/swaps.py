"""Runs in a guest: two policies change places in the kernel, and after each change an access is done in their cgroup.

usage: python3 swaps.py GROUP TIMES PATH ARGUMENTS.json

ARGUMENTS are those of two times "set" (control.py); the first denies reading PATH, the second lets it pass. Prints
how many accesses came out as the policy before them says.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from control import image_of  # type: ignore[import-not-found]  # beside this file in guests

from hauberk.enforcer.kernel import loader
from hauberk.enforcer.kernel.maps import CGROUPS, Kernel


def reader(group: str, path: str) -> tuple[int, int]:
    """Two pipes, to and from a child in the cgroup that answers each byte with "d" or "a"."""
    asks, asked = os.pipe()
    answers, answered = os.pipe()
    if os.fork():
        return asked, answers
    (CGROUPS / group / "cgroup.procs").write_text(str(os.getpid()))
    while os.read(asks, 1):
        try:
            os.close(os.open(path, os.O_RDONLY))
            os.write(answered, b"a")
        except PermissionError:
            os.write(answered, b"d")
    os._exit(0)


def main() -> None:
    group, times, path, arguments = sys.argv[1:]
    images = [image_of(*given) for given in json.loads(Path(arguments).read_text())]
    kernel = Kernel(loader.adopt())
    ask, answer = reader(group, path)
    right = 0
    for number in range(int(times)):
        kernel.set_policy(1, images[number % 2])
        for _ in range(2):  # the second time, a pass has been kept
            os.write(ask, b"?")
            right += os.read(answer, 1) == b"da"[number % 2 : number % 2 + 1]
    print(right)


main()
