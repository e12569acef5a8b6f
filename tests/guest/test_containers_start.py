"""A container that a hook of its runtime registers is judged from its first program on (E4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.container import NGINX, Image, running
from support.control import Control, enforcing
from support.keeper import Keeper
from support.programs import INSIDE, compiled

pytestmark = pytest.mark.guest

SOCKET = "/run/registrar"
MARKS = "/marks"
STARTS = {"6.12": 200}
"""Of containers whose first program is denied; elsewhere fewer."""
AGAIN = """
for number in $(seq "$1"); do
    said=$(crun run --bundle "$2" again-and-again 2>&1) && said=started
    echo "$said"
done
"""
PROGRAMS: dict[str, Any] = {
    "action": "Allow",
    "process": {"matchPaths": [{"path": path} for path in ("/usr/sbin/nginx", "/usr/bin/bash")]},
}
SHADOW: dict[str, Any] = {"action": "Block", "file": {"matchPaths": [{"path": "/etc/shadow"}]}}


@dataclass(frozen=True, slots=True)
class Bench:
    control: Control

    def image(self, name: str, argv: list[str]) -> Image:
        hook = ["/t/hook", SOCKET, f"/sys/fs/cgroup/hauberk/{name}"]
        return Image(argv, volumes={MARKS: MARKS}, hook=hook)


@pytest.fixture(scope="module")
def bench(keeper: Keeper) -> Iterator[Bench]:
    guest = keeper.guest()
    guest.put("/t/hook", compiled("hook.c"), 0o755)
    guest.put("/t/registrar.py", (INSIDE / "registrar.py").read_bytes())
    guest.run(["mkdir", "-p", MARKS]).checked()
    with enforcing(guest) as control:
        registrar = guest.start(["python3", "/t/registrar.py", SOCKET, "1"])
        registrar.until(b"ready")
        yield Bench(control)
        registrar.kill()
        guest.run(["rm", "-r", SOCKET, MARKS]).checked()


def test_a_first_program_that_is_allowed_runs_and_commands_are_judged(bench: Bench) -> None:
    """Nothing of what the runtime does on its way in is refused: mounts, pivot_root, what it reads."""
    bench.control.set(PROGRAMS, SHADOW)
    bench.control.records()
    with running(bench.control.guest, "allowed", bench.image("allowed", list(NGINX))) as container:
        assert container.status() == 200
        assert container.exec(["bash", "-c", "echo hello"]).checked() == "hello\n"
        assert bench.control.records() == []
        assert container.exec(["ls", "/"]).returncode != 0
        [[reason, op, _, resource, *_]] = bench.control.records()
        assert (reason, op, resource) == ("POSTURE", "EXEC", "/usr/bin/ls")
        assert container.exec(["bash", "-c", "echo </etc/shadow"]).returncode == 1
        # who is in it has arrived: what the runtime may, they may not
        assert container.exec(["bash", "-c", "exec mount -t tmpfs tmpfs /mnt"]).returncode == 126


def test_a_first_program_that_is_denied_never_runs(bench: Bench) -> None:
    guest = bench.control.guest
    times = STARTS.get(guest.kernel, 20)
    bench.control.clear()
    with running(guest, "again", bench.image("again", ["sleep", "infinity"])):
        bundle = json.loads(guest.get("/run/containers/again/config.json"))
        bundle["root"]["path"] = "/run/containers/again/rootfs"
        bundle["process"]["args"] = ["bash", "-c", f"echo ran >>{MARKS}/mark"]
        bundle["linux"]["cgroupsPath"] = "/hauberk/again-and-again"
        bundle["hooks"]["createRuntime"][0]["args"][-1] = "/sys/fs/cgroup/hauberk/again-and-again"
        guest.put("/run/containers/bundle/config.json", json.dumps(bundle).encode())
        starts = ["sh", "-c", AGAIN, "sh", str(times), "/run/containers/bundle"]
        assert guest.run([*starts[:4], "1", starts[-1]]).checked() == "started\n"
        assert guest.get(f"{MARKS}/mark") == b"ran\n"
        bench.control.set({"action": "Block", "process": {"matchPaths": [{"path": "/usr/bin/bash"}]}})
        bench.control.records()
        said = guest.run(starts, timeout=300).checked().splitlines()
    assert len(said) == times
    assert all("/usr/bin/bash" in line and line.endswith("Permission denied") for line in said), said[0]
    assert guest.get(f"{MARKS}/mark") == b"ran\n"
    assert [record[:4] for record in bench.control.records()] == [["RULE", "EXEC", -13, "/usr/bin/bash"]] * times
