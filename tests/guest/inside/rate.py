"""What pieces of work take by the clock, in nanoseconds, or for each byte; where the clock counts instructions, those.

usage: python3 rate.py
"""

from __future__ import annotations

import ctypes
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from hauberk.enforcer.kernel.encode import encode
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model, Posture, Workload
from hauberk.policy.parse import parse_policy

SYMBOLS, TYPES = Path("/proc/kallsyms"), Path("/sys/kernel/btf/vmlinux")


def compiling() -> float:
    """A policy of two thousand rules, to an image for the kernel."""
    paths = [{"path": f"/srv/app{number % 97}/data/file{number}", "action": "Block"} for number in range(2000)]
    document = {
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "rate", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "file": {"matchPaths": paths}, "action": "Allow"},
    }
    policy = parse_policy(document)
    assert policy is not None
    workload = Workload("default", (("app", "a"),), "c")
    encode(compile_policies(Model.HAUBERK, [policy], workload, Posture("block", "block", "block")))
    return 1


def sorting() -> float:
    """A million texts in a table, then in order: more than caches hold."""
    sorted({str(number * 7919 % 1000003): number for number in range(1_000_000)})
    return 1


def compressing() -> float:
    zlib.compress(bytes(range(256)) * 20_000, 9)
    return 1


def symbols() -> float:
    """The kernel prints its symbols; each has more or fewer of them."""
    return len(SYMBOLS.read_bytes())


def types() -> float:
    """libbpf reads the kernel's types; each has more or fewer of them."""
    library = ctypes.CDLL("libbpf.so.1")
    library.btf__load_vmlinux_btf.restype, library.btf__free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    found = library.btf__load_vmlinux_btf()
    assert found
    library.btf__free(found)
    return TYPES.stat().st_size


def measured(work: Callable[[], float]) -> float:
    work()
    found: list[float] = []
    for _ in range(3):
        begun = time.clock_gettime(time.CLOCK_MONOTONIC)
        size = work()
        found.append((time.clock_gettime(time.CLOCK_MONOTONIC) - begun) * 1e9 / size)
    return min(found)


print(json.dumps({work.__name__: measured(work) for work in (compiling, sorting, compressing, symbols, types)}))
