"""Speed of `hauberk lint`, in one run with kubeconform and conftest: medians, ratios, memory, growth.

usage: python benchmarks/lint.py --kubeconform PATH --conftest PATH [--runs 5] [--sizes 1250,2500,5000,10000]

Hauberk is installed from the checkout into a virtual environment of its own, as users have it. The corpus of real
policies is read from HAUBERK_SHARED, or the folder `shared` beside the checkout; without it that part is left out,
and said so. Nothing here is a test: no time is asserted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import generated  # noqa: E402

Row = tuple[str, str, str, str]
LIMITS = ("20 s", "4 s", "600 MiB", "1.1")


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hauberk"


def install() -> Path:
    """Hauberk in an environment of its own, installed anew: the checkout may have changed."""
    folder = cache() / "bench-venv"
    if not (folder / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, str(ROOT)], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    return folder / "bin/hauberk"


class Memory(threading.Thread):
    """Greatest sum of the proportional set sizes of a process and its children, sampled every 50 ms."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.process, self.peak = process, 0

    def run(self) -> None:
        while self.process.poll() is None:
            self.peak = max(self.peak, sum(map(_size, _family(self.process.pid))))
            time.sleep(0.05)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _family(int(child)))]


def _size(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))


def timed(command: Sequence[object], env: dict[str, str]) -> tuple[float, float]:
    """Seconds and MiB of one run; findings are no failure, a crash is."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    memory = Memory(process)
    memory.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    if code not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))}: exit code {code}")
    memory.join()
    return seconds, memory.peak / 1024


def in_turn(jobs: dict[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Median seconds of each job; they run one after the other, so that a busy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(runs):
        for name, job in jobs.items():
            seconds[name].append(job())
    return {name: statistics.median(values) for name, values in seconds.items()}


def schemas(folder: Path, hauberk: Path) -> None:
    """Our schemas under the names by which kubeconform looks them up."""
    for kind in ("KubeArmorPolicy", "KubeArmorHostPolicy", "KubeArmorClusterPolicy", "KubeArmorNetworkPolicy"):
        text = subprocess.run([hauberk, "schema", kind], check=True, capture_output=True, text=True).stdout
        (folder / f"{kind.lower()}-security-v1.json").write_text(text)


def small(hauberk: Path, runs: int, env: dict[str, str]) -> list[Row]:
    one = ROOT / "examples/nginx/policy.yaml"
    command = [hauberk, "lint", one, "--format", "json"]
    timed(command, env)
    jobs = {
        "hauberk --version": lambda: timed([hauberk, "--version"], env)[0],
        "lint of one policy, warm cache": lambda: timed(command, env)[0],
    }
    medians = in_turn(jobs, max(runs, 11))
    limits = {"hauberk --version": "100 ms", "lint of one policy, warm cache": "220 ms"}
    return [(name, f"{seconds * 1000:.0f} ms", limits[name], "") for name, seconds in medians.items()]


def corpus(hauberk: Path, kubeconform: Path, conftest: Path, runs: int, scratch: Path) -> list[Row]:
    folder = Path(os.environ.get("HAUBERK_SHARED") or ROOT.parent / "shared") / "corpus/policies"
    if not folder.is_dir():
        return [("the public corpus", "not measured", "", f"no {folder.name} folder: set HAUBERK_SHARED")]
    schemas(scratch, hauberk)
    files = [path for path in sorted(folder.rglob("*.yaml")) if _parses(path)]
    cold, warm = scratch / "cold", scratch / "warm"
    lint = [hauberk, "lint", folder, "--format", "json"]
    timed(lint, {"XDG_CACHE_HOME": str(warm)})
    quick = [*lint, "--no-exact"]
    conftest_command = [str(conftest), "test", "--policy", str(ROOT / "benchmarks/conftest"), "--output", "json"]
    conftest_command += map(str, files)
    pattern = f"{scratch}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"

    def cold_run(command: Sequence[object]) -> float:
        shutil.rmtree(cold, ignore_errors=True)
        return timed(command, {"XDG_CACHE_HOME": str(cold)})[0]

    jobs = {
        "hauberk --no-exact, cold": lambda: cold_run(quick),
        "hauberk, all rules, cold": lambda: cold_run(lint),
        "hauberk, all rules, warm": lambda: timed(lint, {"XDG_CACHE_HOME": str(warm)})[0],
        "kubeconform -strict": lambda: timed(
            [kubeconform, "-strict", "-schema-location", pattern, "-output", "json", "-n", "2", folder], {}
        )[0],
        "conftest, 20 rules": lambda: timed(conftest_command, {})[0],
    }
    checked = subprocess.run(conftest_command, check=False, capture_output=True)
    if not json.loads(checked.stdout or b"[]"):
        sys.exit(f"conftest did not run: {checked.stderr.decode()}")
    medians = in_turn(jobs, runs)
    limits = {"hauberk, all rules, cold": "1500 ms", "hauberk, all rules, warm": "400 ms"}
    return [
        (
            f"corpus, 680 files: {name}",
            f"{seconds * 1000:.0f} ms",
            limits.get(name, ""),
            f"{seconds / medians['conftest, 20 rules']:.2f} of conftest",
        )
        for name, seconds in medians.items()
    ]


def _parses(path: Path) -> bool:
    import yaml

    try:
        list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return False
    return True


def growth(hauberk: Path, sizes: Sequence[int], scratch: Path, *, exact: bool) -> list[Row]:
    """Time, memory and slope over sizes; `exact` with the search over all accesses."""
    name = "exact" if exact else "--no-exact"
    rows: list[Row] = []
    points: list[tuple[float, float]] = []
    for size in sizes:
        folder, cached = scratch / f"size-{size}", scratch / f"cache-{size}-{name}"
        generated.write(folder, size)
        lint = [hauberk, "lint", folder, "--format", "json", "--output", scratch / "out.json"]
        lint += [] if exact else ["--no-exact"]
        cold, memory = timed(lint, {"XDG_CACHE_HOME": str(cached)})
        warm = statistics.median(timed(lint, {"XDG_CACHE_HOME": str(cached)})[0] for _ in range(3))
        points.append((math.log(size), math.log(cold)))
        most = LIMITS if size == 10_000 else ("", "", "", "")
        what = f"{size} policies of 20 rules, {name}"
        rows.append((f"{what}, cold", f"{cold:.1f} s", most[0], ""))
        rows.append((f"{what}, warm", f"{warm:.2f} s", most[1], ""))
        rows.append((f"{what}, memory", f"{memory:.0f} MiB", most[2], "sum of PSS"))
    if len(points) > 1:
        slope = statistics.linear_regression(*zip(*points, strict=True)).slope
        rows.append((f"growth of time with size, {name}, cold", f"{slope:.2f}", LIMITS[3], "slope in log-log"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kubeconform", type=Path, required=True)
    parser.add_argument("--conftest", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", default="1250,2500,5000,10000")
    parser.add_argument("--json", type=Path, help="also write the table there")
    given = parser.parse_args()
    hauberk = install()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        rows = small(hauberk, given.runs, {"XDG_CACHE_HOME": str(scratch / "small")})
        rows += corpus(hauberk, given.kubeconform, given.conftest, given.runs, scratch)
        sizes = [int(size) for size in given.sizes.split(",")]
        rows += growth(hauberk, sizes, scratch, exact=False)
        rows += growth(hauberk, sizes, scratch, exact=True)
    print("| work | measured | at most | |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
