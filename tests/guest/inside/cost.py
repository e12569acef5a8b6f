# ruff: noqa: S108  the guest's own /tmp
"""Runs in a guest with -icount: what operations take without programs, outside every container, and inside.

usage: python3 cost.py OBJECT RESULTS.json [daemon|parts]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hauberk.enforcer.kernel import loader, making
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.libbpf import Map, Object
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model, Posture, Workload
from hauberk.policy.parse import parse_policy

COST = "/t/cost"
GROUP = Path("/sys/fs/cgroup/cost")
DEPTHS = (2, 4, 7, 12)
ROUNDS = 3


def folder(base: str, depth: int) -> str:
    """Files in it are `depth` components deep, counted from the root."""
    given = base.strip("/").split("/") if base != "/" else []
    return "/" + "/".join([*given, *(f"d{n}" for n in range(len(given), depth - 1))])


def operations() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for base, name in (("/mnt/ext4", "ext4"), ("/o", "overlay")):
        for depth in DEPTHS if name == "ext4" else (4, 12):
            if depth == 2:
                # /mnt/ext4 itself is two deep: the root of the guest is an overlay, so this one is on tmpfs
                continue
            place = folder(base, depth)
            found[f"{name} open depth {depth}"] = ["open", "2000", f"{place}/file"]
            found[f"{name} first sight depth {depth}"] = ["first", "400", f"{place}/seen"]
    found["tmpfs open depth 2"] = ["open", "2000", "/tmp/file"]
    found["tmpfs first sight depth 2"] = ["first", "400", "/tmp/seen"]
    place = folder("/mnt/ext4", 4)
    found["vfork+exec"] = ["exec", "200", "/usr/bin/true"]
    found["tcp"] = ["tcp", "300"]
    found["create+unlink depth 4"] = ["create", "400", f"{place}/made"]
    found["mkdir+rmdir depth 4"] = ["mkdir", "300", f"{place}/made"]
    found["rename x2 depth 4"] = ["rename", "400", f"{place}/moved"]
    found["pwrite depth 4"] = ["pwrite", "2000", f"{place}/written"]
    found["stat depth 4"] = ["stat", "2000", f"{place}/file"]
    return found


def prepare() -> None:
    for base, depths in (("/mnt/ext4", DEPTHS[1:]), ("/o", (4, 12))):
        for depth in depths:
            place = Path(folder(base, depth))
            place.mkdir(parents=True, exist_ok=True)
            for name in ("file", *(f"seen.{n}" for n in range(400))):
                (place / name).write_text("x")
    for name in ("file", *(f"seen.{n}" for n in range(400))):
        Path("/tmp", name).write_text("x")


def policy(rules: int) -> dict[str, Any]:
    """An allow-list in every domain, with sources, patterns left out, and rules at every depth of the files."""
    paths = [{"path": f"/srv/app{n % 97}/data/file{n}", "action": "Block"} for n in range(rules * 6 // 10)]
    directories: list[dict[str, Any]] = [
        {"dir": f"/srv/app{n % 97}/cache{n}/", "recursive": True, "readOnly": True} for n in range(rules * 2 // 10)
    ]
    sources = [
        {"path": f"/srv/app{n % 97}/key{n}", "fromSource": [{"path": f"/usr/bin/tool{n % 50}"}]}
        for n in range(rules * 2 // 10)
    ]
    own = [{"path": f"/srv/own{n}", "fromSource": [{"path": COST}]} for n in range(2)]
    above = ["/", "/mnt/", "/mnt/ext4/", folder("/mnt/ext4", 7) + "/", folder("/o", 4) + "/", "/tmp/"]
    directories += [{"dir": one, "recursive": True} for one in above]
    return {
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "cost", "namespace": "default"},
        "spec": {
            "action": "Allow",
            "selector": {"matchLabels": {"app": "cost"}},
            "process": {
                "matchPaths": [{"path": "/t/cost"}, {"path": "/usr/bin/true"}, {"path": "/bin/no", "action": "Block"}],
                "matchDirectories": [{"dir": "/usr/bin/", "recursive": True, "fromSource": [{"path": "/bin/sh"}]}],
            },
            "file": {"matchPaths": [*paths, *sources, *own], "matchDirectories": directories},
            "network": {"matchProtocols": [{"protocol": "tcp"}, {"protocol": "raw", "action": "Block"}]},
            "capabilities": {"matchCapabilities": [{"capability": "net_raw", "action": "Block"}]},
        },
    }


def measured(inside: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, command in operations().items():
        figures: list[float] = []
        for _ in range(1 if "first" in name else ROUNDS):
            done = subprocess.run(
                [COST, *command],
                capture_output=True,
                text=True,
                check=False,
                preexec_fn=(lambda: (GROUP / "cgroup.procs").write_text(str(os.getpid()))) if inside else None,
            )
            if done.returncode:
                raise SystemExit(f"{name}: {done.stdout}{done.stderr} exit {done.returncode}")
            figures.append(float(done.stdout.split()[0]))
        found[name] = statistics.median(figures)
    return found


class Asked:
    """Counts what the kernel does while a policy is written and swapped in: calls of libbpf, and their instructions."""

    def __init__(self) -> None:
        self.calls = 0
        self.instructions = 0.0
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> None:
        for name in ("create", "set", "set_all", "delete", "get"):
            self._kept[name] = Map.__dict__[name]
            setattr(Map, name, self._counted(getattr(Map, name), bound=name == "create"))

    def __exit__(self, *_: object) -> None:
        for name, function in self._kept.items():
            setattr(Map, name, function)

    def _counted(self, function: Any, *, bound: bool) -> Any:
        def counted(*arguments: Any) -> Any:
            start = instructions()
            answer = function(*arguments)
            self.instructions += instructions() - start
            self.calls += 1
            return answer

        return staticmethod(counted) if bound else counted


def instructions() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1e9


def image_of(rules: int) -> Image:
    parsed = parse_policy(policy(rules))
    assert parsed is not None
    workload = Workload("default", (("app", "cost"),), "c")
    return encode(compile_policies(Model.HAUBERK, [parsed], workload, Posture("block", "block", "block")))


def of_the_daemon(object_file: Path) -> dict[str, float]:
    """What it does for each container whose policies have 200 rules, its own work included."""
    begun: list[float] = []

    def noted(object_file: Path, maps: Mapping[str, Map], names: Collection[str]) -> Object:
        begun.append(instructions())
        return loaded(object_file, maps, names)

    loaded, making.loaded = making.loaded, noted
    start = instructions()
    loader.look_ahead().join()
    found = {"symbol": instructions() - start}
    start = instructions()
    kernel = Kernel(loader.load(object_file, workers=1))
    found |= {"maps": begun[0] - start, "programs": instructions() - begun[0]}
    image = image_of(200)
    start = instructions()
    kernel.set_policy(1, image)
    found["write"] = instructions() - start
    assert kernel.holds(1, image)
    start = instructions()
    assert kernel.holds(1, image)
    found["compare"] = instructions() - start
    return found


def in_parts(object_file: Path) -> dict[str, float]:
    """Seconds that loading takes by the number of threads; the least of three."""
    found: dict[str, float] = {}
    for _ in range(3):
        for workers in ("1", "2"):
            start = time.monotonic()
            loader.load(object_file, workers=int(workers)).close()
            took = time.monotonic() - start
            found[workers] = min(found.get(workers, took), took)
            loader.unload()
            time.sleep(2)
    return found


def main() -> None:
    object_file, results = map(Path, sys.argv[1:3])
    if sys.argv[3:] == ["parts"]:
        results.write_text(json.dumps(in_parts(object_file)))
        return
    if sys.argv[3:]:
        results.write_text(json.dumps(of_the_daemon(object_file)))
        return
    prepare()
    found: dict[str, Any] = {"without": measured(inside=False)}
    start = instructions()
    programs = loader.load(object_file)
    found["load programs"] = instructions() - start
    kernel = Kernel(programs)
    found["outside"] = measured(inside=False)
    GROUP.mkdir()
    kernel.register(GROUP, 1)
    for rules in (10, 10_000):
        image = image_of(rules)
        entries = list(image.entries(programs.seed, {}))
        asked = Asked()
        start = instructions()
        with asked:
            kernel.set_policy(1, image)
        found[f"set {rules} rules"] = {
            "instructions": instructions() - start,
            "kernel": asked.instructions,
            "calls": asked.calls,
            "entries": len(entries),
            "bytes": kernel.memory(1),
        }
        found[f"inside, {rules} rules"] = measured(inside=True)
    found["counters"] = {counter.name: value for counter, value in kernel.counters().items()}
    results.write_text(json.dumps(found))


main()
