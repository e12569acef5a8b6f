"""Runs in a guest: policies into the kernel, accesses done for real, and what came of each.

usage: python3 agreement.py OBJECT CASES.json RESULTS.json
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hauberk.enforcer.kernel import libbpf, loader
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.enforcer.kernel.wire import Reason, Record, unpack_record
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Action, Model, Rule
from hauberk.policy.parse import parse_policy, parse_posture, parse_workload

SLOT = 1
GROUP = Path("/sys/fs/cgroup/agreement")
PROGRAM = Path("/t/true")
ACTOR = Path("/t/actor")
DIRECTORIES = ("a", "a/b", "a/b/c", "ab")
FILES = {"f": 0, "g": 1000, "x.conf": 1000, "ls": 0}


def make(path: Path, owner: int) -> None:
    shutil.copyfile(PROGRAM, path)
    path.chmod(0o777)
    os.chown(path, owner, 0)  # all tasks are in group 0: changing a mode takes no capability


def make_tree(base: Path) -> None:
    """As it was: whatever accesses made, took away or moved."""
    for directory in DIRECTORIES:
        (base / directory).mkdir(parents=True, exist_ok=True)
        (base / directory).chmod(0o777)
    for directory in DIRECTORIES:
        folder = base / directory
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                if str(entry.relative_to(base)) not in DIRECTORIES:
                    shutil.rmtree(entry)
            elif entry.name not in FILES or entry.is_symlink():
                entry.unlink()
        for name, owner in FILES.items():
            file = folder / name
            if not file.exists() or not file.stat().st_size or file.stat().st_nlink > 1:
                file.unlink(missing_ok=True)
                make(file, owner)


class Actor:
    """A program in the container's cgroup, at a path; None is one without a path."""

    def __init__(self, path: str | None, uid: int, *, terminal: bool) -> None:
        argv = ["actor", str(uid), "tty"] if terminal else ["actor", str(uid)]
        if path is None:
            fd = os.memfd_create("actor", 0)
            os.write(fd, ACTOR.read_bytes())
            executable = f"/proc/self/fd/{fd}"
        else:
            fd = -1
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            if not Path(path).exists():
                shutil.copy(ACTOR, path)
            executable = path
        self.process = subprocess.Popen(
            argv,
            executable=executable,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[fd] if fd >= 0 else [],
            preexec_fn=lambda: (GROUP / "cgroup.procs").write_text(str(os.getpid())),  # noqa: PLW1509  no threads here
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def do(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def reported(record: Record, image: Image) -> list[Any]:
    """Reason, and what the model calls a report: policy, action, rule, for each rule that the record names."""
    if record.reason is Reason.WATCH:
        rules = [image.rules[number - 1] for number in image.sets[record.rule - 1]]
        return [record.reason.name, [[rule.policy.name, "Audit", rule.name] for rule in rules]]
    if record.rule:
        rule = image.rules[record.rule - 1]
        allows = isinstance(rule.entry, Rule) and rule.entry.action is Action.ALLOW
        return [record.reason.name, [["DefaultPosture" if allows else rule.policy.name, "Block", rule.name]]]
    return [record.reason.name, [["DefaultPosture", "Block" if record.result else "Audit", None]]]


def main() -> None:
    object_file, given, results_file = map(Path, sys.argv[1:])
    cases = json.loads(given.read_text())
    programs = loader.load(object_file)
    kernel = Kernel(programs)
    kernel.set_rate(0, 1)
    GROUP.mkdir()
    # uid 1000 links files of uid 0
    Path("/proc/sys/fs/protected_hardlinks").write_text("0")
    kernel.register(GROUP, SLOT)
    acting = {(one["source"], one["uid"], one["tty"]) for case in cases for one in case["accesses"]}
    actors = {(source, uid, tty): Actor(source, uid, terminal=tty) for source, uid, tty in acting}
    records: list[Record] = []
    ring = libbpf.Ring(programs.maps["records"], lambda data: records.append(unpack_record(data)))
    results: list[Any] = []
    for base in {case["base"] for case in cases}:
        make_tree(Path(base))
    for case in cases:
        policies = [policy for document in case["policies"] if (policy := parse_policy(document))]
        compiled = compile_policies(
            Model.HAUBERK, policies, parse_workload(case["workload"]), parse_posture(case["posture"])
        )
        image = encode(compiled)
        kernel.set_policy(SLOT, image)
        outcomes: list[Any] = []
        for access in case["accesses"]:
            records.clear()
            error = actors[access["source"], access["uid"], access["tty"]].do(access["line"])
            while ring.poll(0):
                pass
            outcomes.append([error, [reported(record, image) for record in records]])
            if access["changes"]:
                make_tree(Path(case["base"]))
        assert kernel.holds(SLOT, image)
        kernel.clear_policy(SLOT)
        results.append(outcomes)
    counters = {counter.name: value for counter, value in kernel.counters().items()}
    results_file.write_text(json.dumps({"results": results, "counters": counters}))
    for actor in actors.values():
        actor.process.kill()
    loader.unload()


main()
