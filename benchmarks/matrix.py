"""The matrix page: time from the command to the written file, its size, memory; medians of several runs.

many workloads   200 policies of 20 rules, each for a workload of its own
one workload     the same policies for one workload: 2,000 programs and 4,000 rules, more than a page shows
many sources     one workload, 1,000 programs that are named as sources, 200 directories
change           the first case against the same policies with another rule in 20 of them
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from generated import policy, write

POLICIES = 200
_HEAD = """apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: many-sources, namespace: web}
spec:
  selector: {matchLabels: {app: web}}
  action: Block
  file:
    matchDirectories:
"""


def many_workloads(folder: Path) -> list[str]:
    write(folder / "policies", POLICIES)
    return [str(folder / "policies")]


def one_workload(folder: Path) -> list[str]:
    for number in range(POLICIES):
        text = re.sub(r"app: app-\d+", "app: web", policy(number))
        (folder / f"{number}.yaml").write_text(re.sub(r"namespace: team-\d+", "namespace: web", text))
    return [str(folder)]


def many_sources(folder: Path) -> list[str]:
    rows = [_HEAD]
    for number in range(200):
        rows.append(f"      - dir: /srv/data-{number}/\n        recursive: true\n        fromSource:\n")
        rows += [f"          - path: /usr/bin/tool-{source}\n" for source in range(number, 1000, 200)]
    (folder / "policy.yaml").write_text("".join(rows))
    return [str(folder)]


def change(folder: Path) -> list[str]:
    for name in ("old", "new"):
        write(folder / name, POLICIES)
    for number in range(20):
        path = folder / "new" / "000" / f"policy-{number:05}.yaml"
        path.write_text(path.read_text().replace("  action: Block", "      - dir: /srv/more/\n  action: Block"))
    return ["--from", str(folder / "old"), "--to", str(folder / "new")]


CASES: dict[str, Callable[[Path], list[str]]] = {
    "many workloads": many_workloads,
    "one workload": one_workload,
    "many sources": many_sources,
    "change": change,
}


def measure(arguments: list[str], page: Path) -> tuple[float, float]:
    """Seconds and MiB of one run."""
    command = [sys.executable, "-m", "hauberk.cli.main", "matrix", *arguments, "--output", str(page)]
    begin = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"hauberk matrix ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--case", choices=CASES, help="only this one")
    given = parser.parse_args()
    print(f"medians of {given.runs} runs")
    for name, prepare in CASES.items():
        if given.case not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "given"
            folder.mkdir()
            arguments = prepare(folder)
            page = Path(scratch) / "page.html"
            runs = [measure(arguments, page) for _ in range(given.runs)]
            seconds = statistics.median(run[0] for run in runs)
            memory = max(run[1] for run in runs)
            size = page.stat().st_size / 2**20
        print(f"{name:16} {seconds:6.2f} s {size:6.2f} MiB page {memory:6.0f} MiB memory", flush=True)


if __name__ == "__main__":
    main()
