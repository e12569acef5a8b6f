"""What operations cost with the BPF programs, in guest instructions, beside what was measured of KubeArmor.

usage: python benchmarks/guest.py [--kernel 6.12] [--daemon | --parts] [--format text|json]

With --daemon only what the daemon of a node does for one container is counted. With --parts the guest has two
processors, and a clock: what loading the programs takes with two threads, as a ratio to what it takes with one.

HAUBERK_GUEST names the guests' kernels and root, as `make guest-tools` prints it. The guest's clock counts
instructions (-icount shift=0, one processor, no mitigations): no time, but the same figure in every run. KubeArmor's
figures (its two enforcer objects alone, 1.7.4, 6.12, ext4, 10 rules) were measured on the same bench with the same
operations. Nothing here is a test: no figure is asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from support.guest import Guest  # noqa: E402
from support.payload import packages  # noqa: E402
from support.programs import INSIDE, OBJECT, compiled  # noqa: E402

INSIDE_10, INSIDE_10_000 = "inside, 10 rules", "inside, 10000 rules"


@dataclass(frozen=True, slots=True)
class Row:
    """`theirs` is KubeArmor's ratio to no program, `most` what ours may be."""

    operation: str
    theirs: str
    most: float


ROWS = (
    Row("tmpfs open depth 2", "4.37", 1.12),
    Row("ext4 open depth 4", "4.90", 1.12),
    Row("ext4 open depth 7", "5.41", 1.12),
    Row("ext4 open depth 12", "5.05", 1.12),
    Row("tmpfs first sight depth 2", "4.37", 2.0),
    Row("ext4 first sight depth 4", "4.90", 2.0),
    Row("ext4 first sight depth 7", "5.41", 2.0),
    Row("ext4 first sight depth 12", "5.05", 2.0),
    Row("overlay open depth 4", "5.97", 1.15),
    Row("overlay open depth 12", "6.10", 1.15),
    Row("vfork+exec", "1.096", 1.04),
    Row("tcp", "1.75", 1.06),
    Row("create+unlink depth 4", "2.01", 1.20),
    Row("mkdir+rmdir depth 4", "1.38", 1.20),
    Row("rename x2 depth 4", "2.45", 1.30),
    Row("pwrite depth 4", "13.0", 1.05),
    Row("stat depth 4", "1.00", 1.05),
)
OUTSIDE = 1.06


def measured(kernel: str, only: str) -> dict[str, Any]:
    payload: dict[str, Path | bytes] = {
        **packages(),
        "/t/cost": compiled("cost.c"),
        "/t/true": compiled("true.S"),
        "/t/cost.py": INSIDE / "cost.py",
    }
    parts = only == "parts"
    with Guest.boot(kernel, payload, icount=not parts, memory=2048, processors=2 if parts else 1) as guest:
        guest.run(["chmod", "755", "/t/cost", "/t/true"]).checked()
        guest.run(["python3", "/t/cost.py", OBJECT, "/t/results.json", *only.split()], timeout=3000).checked()
        found: dict[str, Any] = json.loads(guest.get("/t/results.json"))
        return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kernel", default="6.12")
    options.add_argument("--daemon", action="store_const", dest="only", const="daemon", default="")
    options.add_argument("--parts", action="store_const", dest="only", const="parts")
    options.add_argument("--format", choices=("text", "json"), default="text")
    given = options.parse_args()
    found = measured(given.kernel, given.only)
    if given.format == "json":
        print(json.dumps(found, indent=2))
        return
    if given.only == "parts":
        print(f"loading the programs on {given.kernel}: x{found['2'] / found['1']:.2f} with two threads")
        return
    if given.only == "daemon":
        print(f"Million guest instructions on {given.kernel}, a container of 200 rules, the daemon's own work included")
        print(", ".join(f"{name} {count / 1e6:.1f}" for name, count in found.items()))
        return
    print(f"Guest instructions on {given.kernel}; ratios to the same operation without any program")
    print("| operation | without | KubeArmor | ours, 10 rules | 10,000 rules | at most | outside, at most 1.06 |")
    print("|---|---|---|---|---|---|---|")
    for row in ROWS:
        base = found["without"][row.operation]
        ours, many, outside = (found[name][row.operation] / base for name in (INSIDE_10, INSIDE_10_000, "outside"))
        missed = "" if max(ours, many) <= row.most and outside <= OUTSIDE else " (missed)"
        print(
            f"| {row.operation} | {base:.0f} | x{row.theirs} | x{ours:.3f} | x{many:.3f} | x{row.most:.2f}{missed} "
            f"| x{outside:.3f} |"
        )
    for rules in ("10", "10000"):
        load = found[f"set {rules} rules"]
        print(
            f"{rules} rules: {load['entries']} entries, {load['bytes'] / 1e6:.2f} MB of kernel memory, "
            f"{load['kernel'] / 1e6:.1f} million instructions in {load['calls']} system calls to write and swap, "
            f"{load['instructions'] / 1e6:.0f} million with the enforcer's own work"
        )
    print(f"loading, verifying and attaching the programs: {found['load programs'] / 1e9:.1f} thousand million")


if __name__ == "__main__":
    main()
