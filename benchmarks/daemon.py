"""What the daemon costs a node: idle, from its start to everything enforced, and for alerts.

usage: python benchmarks/daemon.py [--policies 200] [--containers 50] [--seconds 60]
           [--kernel SYMBOL MAPS PROGRAMS WRITE]

Needs HAUBERK_KUBE and HAUBERK_CLIENTS, see `make cluster-tools`: policies and pods are in a real API server. The kernel
is a stand-in that remembers what it is given, as BPF LSM programs cannot be loaded everywhere: what writing costs
there, `benchmarks/guest.py --daemon` counts. With --kernel, four of its figures in millions of instructions, the
stand-in keeps processors busy as long as they take at `RATE`, as many at a time as the real one does: a first start
after a boot. Times are of this machine; the server runs beside the daemon, in other processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from enforcer.made import RECORD  # noqa: E402
from enforcer.node import made  # noqa: E402
from hauberk.enforcer.alerts import Context  # noqa: E402
from hauberk.enforcer.cluster.api import Api  # noqa: E402
from hauberk.enforcer.cluster.reporter import Reporter  # noqa: E402
from hauberk.enforcer.cluster.source import ClusterSource  # noqa: E402
from hauberk.enforcer.groups import Tree  # noqa: E402
from hauberk.enforcer.kernel.image import Image  # noqa: E402
from hauberk.enforcer.kernel.making import MOST_WORKERS  # noqa: E402
from hauberk.enforcer.kernel.wire import RECORD as LAYOUT  # noqa: E402
from hauberk.enforcer.node.aim import Aim  # noqa: E402
from hauberk.enforcer.node.applied import Applier  # noqa: E402
from hauberk.enforcer.node.containers import Containers  # noqa: E402
from hauberk.enforcer.node.daemon import Daemon  # noqa: E402
from hauberk.enforcer.node.reading import Telling  # noqa: E402
from hauberk.enforcer.node.sinks import opened  # noqa: E402
from hauberk.enforcer.state import State  # noqa: E402
from hauberk.policy.model import Posture  # noqa: E402
from support import hauberk  # noqa: E402
from support.cluster import Cluster, running, until  # noqa: E402
from support.network import own_network  # noqa: E402

SYSTEM, SPACE, NODE = "hauberk-system", "team", "node-1"
PROGRAMS = ("hauberk_open",)
RECORDS = 20_000
IMAGE = "docker.io/library/nginx:1"


def documents(policies: int, containers: int) -> list[dict[str, Any]]:
    """Each policy selects a tenth of the pods, so that each container has twenty of two hundred."""
    found: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}},
    ]
    for number in range(policies):
        paths = [{"path": f"/etc/app{number}/{name}"} for name in range(8)]
        found.append(
            {
                "apiVersion": "security.kubearmor.com/v1",
                "kind": "KubeArmorPolicy",
                "metadata": {"name": f"policy-{number}", "namespace": SPACE},
                "spec": {
                    "selector": {"matchLabels": {"group": f"g{number % 10}"}},
                    "process": {"matchPaths": [{"path": f"/usr/bin/tool{number}"}]},
                    "file": {"matchDirectories": [{"dir": f"/srv/{number}/", "recursive": True}], "matchPaths": paths},
                    "action": "Block",
                },
            }
        )
    found += [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}", "namespace": SPACE, "labels": {"group": f"g{number % 10}"}},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": IMAGE}]},
        }
        for number in range(containers)
    ]
    return found


RATE = 3500.0
"""Million instructions that a processor is taken to do in a second; see `benchmarks/rate.py`."""


class Kernel(made.Kernel):
    """Its costs are million instructions; hashing what was written is counted with them."""

    def __init__(self, symbol: float, maps: float, programs: float, write: float) -> None:
        super().__init__()
        self._maps, self._programs, self._write = maps, programs, write
        self._ahead = threading.Thread(target=busy, args=(symbol,))
        self._ahead.start()

    def load(self) -> None:
        self._ahead.join()
        busy(self._maps)
        workers = min(MOST_WORKERS, len(os.sched_getaffinity(0)))
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(busy, [self._programs / workers] * workers))

    def set_policy(self, slot: int, image: Image) -> None:
        busy(self._write)
        super().set_policy(slot, image)

    def digest(self, slot: int) -> str:
        return f"{self.version(slot):064x}"


def busy(instructions: float) -> None:
    """Takes so many millions of a processor without Python's lock, as a call of the kernel does."""
    end = time.thread_time() + instructions / RATE
    while time.thread_time() < end:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2000)


class Node:
    """A node's cgroups and processes as files, and containers that a hook told of."""

    def __init__(self, folder: Path, containers: int) -> None:
        self.folder, self.tree = folder, Tree(folder / "cgroup", folder / "proc")
        (folder / "proc/1").mkdir(parents=True)
        (folder / "proc/1/root").symlink_to("/")
        told = []
        for number in range(containers):
            pid, group = 1000 + number, folder / f"cgroup/kubepods/{number}"
            group.mkdir(parents=True)
            (group / "cgroup.procs").write_text(f"{pid}\n")
            (folder / f"proc/{pid}").mkdir()
            (folder / f"proc/{pid}/root").symlink_to("/")
            told.append(
                {
                    "id": f"{number:064x}",
                    "group": {"id": group.stat().st_ino, "path": str(group)},
                    "pid": pid,
                    "workload": {"namespace": SPACE, "labels": {}, "container": "main", "node_labels": {}},
                    "pod": f"pod-{number}",
                    "image": IMAGE,
                    "root": "",
                }
            )
        (folder / "containers.json").write_text(json.dumps({"version": 1, "containers": told}))


def daemon_side(given: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own, as on a node; the last of `given.daemon` is when it was started (monotonic clock)."""
    kubeconfig, folder = map(Path, given.daemon[:2])
    begun = float(given.daemon[2])
    node, kernel = Node(folder, given.containers), Kernel(*given.kernel)
    api = Api(kubeconfig)
    changed = threading.Event()
    source = ClusterSource(api, NODE, Posture(), changed.set, node.tree)
    reporter = Reporter(api, source, NODE, SYSTEM, 0.0)
    aim = Aim(source, Containers(folder / "containers.json"), State(), changed)
    with aim.ahead():
        kernel.load()
    applier = Applier(kernel, folder / "state.json", PROGRAMS, lambda: PROGRAMS)  # type: ignore[arg-type]
    daemon = Daemon(aim, applier, lambda status, _: reporter.tell(status), lambda: None, tree=node.tree)
    ready = threading.Event()
    reporter.start(daemon, applier, len(PROGRAMS))
    loop = threading.Thread(target=daemon.run, args=(30.0, ready.set, reporter.beat))
    loop.start()
    ready.wait(120)
    enforced = time.monotonic() - begun
    found: dict[str, Any] = {
        "containers_enforced": daemon.status.enforced,
        "policies_enforced": sum(one.failure is None for one in daemon.status.standings),
        "start_to_enforced_seconds": round(enforced, 2),
        "start_to_enforced_processor_seconds": round(time.process_time(), 2),
    }
    time.sleep(5)
    idle = time.process_time()
    time.sleep(given.seconds)
    found["idle_percent_of_a_core"] = round(100 * (time.process_time() - idle) / given.seconds, 2)
    found["resident_mib"] = round(_resident() / 1024, 1)
    found |= alerts(daemon, folder, reporter)
    found["resident_mib_after_alerts"] = round(_resident() / 1024, 1)
    found["resident_mib_at_most"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    daemon.end()
    loop.join()
    reporter.end()
    source.end()
    return found


def alerts(daemon: Daemon, folder: Path, reporter: Reporter) -> dict[str, Any]:
    """Records as the ring has them, from a thousand programs, through to the file and to Events."""
    sink = opened(str(folder / "alerts"))
    telling = Telling(daemon.image, daemon.pod, Context(lambda: 0, NODE, "bench"), sink, 0, reporter.alert)
    data = [packed(number) for number in range(1000)]
    begun = time.perf_counter()
    for number in range(RECORDS):
        telling.take(data[number % len(data)])
    sink.close()
    took = time.perf_counter() - begun
    return {"alerts_per_second": round(RECORDS / took), "alerts_lost": sink.lost, "alerts_written": sink.written}


def packed(number: int) -> bytes:
    record = replace(RECORD, slot=1 + number % 50, resource=f"/usr/bin/tool{number}")
    texts = [text.encode() for text in (record.resource, record.program, record.parent)]
    names = "time cgroup slot policy rule suppressed pid tgid ppid inner_pid inner_ppid uid result number".split()
    values = [getattr(record, name) for name in names]
    kinds = [record.op, record.how, record.reason, record.cut]
    return LAYOUT.pack(*values, *kinds, *map(len, texts), record.comm.encode()) + b"".join(texts)


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--kernel", type=float, nargs=4, default=(0, 0, 0, 0), metavar=("SYMBOL", "MAPS", "PROGRAMS", "WRITE")
    )
    parser.add_argument("--daemon", nargs=3, metavar=("KUBECONFIG", "FOLDER", "BEGUN"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.daemon:
        print(json.dumps(daemon_side(given)))
        return
    with own_network(), tempfile.TemporaryDirectory() as name:
        parts = [Path(os.environ[part]) for part in ("HAUBERK_KUBE", "HAUBERK_CLIENTS")]
        with running(Path(name) / "cluster", *parts) as cluster:
            show(measured(cluster, Path(name), given))


def served(cluster: Cluster) -> None:
    """Waits for the storage of the new kinds, which the API server prepares after it has said that they are there."""
    kinds = [
        f"/apis/hauberk.dev/v1alpha1/{name}" for name in ("nodepolicystatuses", "driftreports", "clusterdriftreports")
    ]
    until(lambda: all(cluster.request("GET", path)[0] == 200 for path in kinds), 60, "the kinds are served")


def measured(cluster: Cluster, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    cluster.add_crds(hauberk("crds", "--policies").stdout)
    cluster.add_crds(hauberk("crds").stdout)
    served(cluster)
    whole = documents(given.policies, given.containers)
    for at in range(0, len(whole), 50):
        cluster.apply(*whole[at : at + 50])
    (folder / "node").mkdir()
    line = [sys.executable, __file__, *sys.argv[1:]]
    done = subprocess.run(
        [*line, "--daemon", cluster.kubeconfig, folder / "node", str(time.monotonic())],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"policies": given.policies, "containers": given.containers, **found}


def show(found: dict[str, Any]) -> None:
    for name, value in found.items():
        print(f"{name:38} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
