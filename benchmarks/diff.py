"""Time and memory of `hauberk diff` for a commit that changes 20 of 10,000 policies; medians of several runs.

usage: python benchmarks/diff.py [--policies 10000] [--changed 20] [--runs 5]

The first run of each case reads objects that git packed just before, the others find them in the page cache; Hauberk
keeps no cache of its own for this. Nothing here is a test: no time is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generated import write

HAUBERK = Path(sys.executable).parent / "hauberk"


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-c", "gc.auto=0", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def prepare(folder: Path, count: int, changed: int) -> None:
    write(folder, count)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "before")
    git(folder, "repack", "-adq")
    paths = sorted(folder.rglob("policy-*.yaml"))
    for number, path in enumerate(paths[:: max(1, count // changed)][:changed]):
        text = path.read_text()
        old, new = ("action: Block", "action: Allow") if number % 3 == 0 else ("recursive: true", "recursive: false")
        path.write_text(text.replace(old, new, 1))
    git(folder, "commit", "-qam", "after")


def timed(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Seconds, MiB at most, and the last line of the report."""
    begin = time.perf_counter()
    process = subprocess.Popen([HAUBERK, "diff", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101  it is a pipe
    shown = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, shown.splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, given.policies, given.changed)
        cases = {"two revisions": ("HEAD~1..HEAD",), "a revision and the working tree": ("HEAD~1",)}
        for title, arguments in cases.items():
            rows = [timed(folder, *arguments) for _ in range(given.runs + 1)]
            first, rest = rows[0][0], statistics.median(row[0] for row in rows[1:])
            memory = max(row[1] for row in rows)
            print(f"{title:32} first {first:.2f} s   then {rest:.2f} s   {memory:.0f} MiB   {rows[0][2]}")


if __name__ == "__main__":
    main()
