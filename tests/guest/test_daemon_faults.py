"""What a node does to the daemon: containers by the hundred, policies in a storm, a clock that jumps, a full disk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from support import ROOT
from support.container import running
from support.guest import Guest
from support.keeper import Keeper
from support.nodedaemon import POLICIES, Daemon, block, image, policy, runs, tended, uptime

pytestmark = [pytest.mark.guest, pytest.mark.parametrize("keeper", ["6.12"], indirect=True)]

MANY = 500
GROWTH = 3 * 1024
"""KiB that four hundred containers may leave behind: less than 8 KiB each, which is noise of allocators."""
STORM = f"""
import json, os, sys, time
given = json.load(sys.stdin)
begun = time.monotonic()
for number in range(1000):
    given["spec"]["process"]["matchPaths"] = [{{"path": f"/usr/bin/{{number}}"}}, {{"path": "/usr/bin/ls"}}]
    with open("/daemon/next", "w") as file:
        json.dump(given, file)
    os.rename("/daemon/next", "{POLICIES}/p.json")
    time.sleep(max(0.0, begun + number / 100 - time.monotonic()))
print(time.monotonic() - begun)
"""


@pytest.fixture(scope="module")
def guest(keeper: Keeper) -> Iterator[Guest]:
    with tended(keeper) as guest:
        yield guest


def test_five_hundred_containers_leave_nothing_behind(guest: Guest) -> None:
    daemon = Daemon(guest)
    daemon.put("p", block("/usr/bin/ls"))
    guest.put("/t/many.py", (ROOT / "tests/guest/inside/many.py").read_bytes())
    done = guest.run(["python3", "/t/many.py", str(MANY), str(daemon.pid)], timeout=1200)
    found = [json.loads(line) for line in done.checked().splitlines()]
    print(*found, sep="\n")
    assert [one["denied"] for one in found] == [100, 200, 300, 400, MANY]
    # the first hundred warm up allocators and caches
    first, last = found[0], found[-1]
    # the kernel frees those of policies that were swapped some time later
    assert last["maps"] < first["maps"] + 20
    assert last["open"] <= first["open"]
    assert last["threads"] <= first["threads"]
    assert last["resident"] - first["resident"] < GROWTH
    assert last["unreclaimable"] - first["unreclaimable"] < GROWTH
    daemon.until(lambda event: event["event"] == "status" and event["containers"] == 0)
    daemon.end()


def test_a_storm_of_policies_is_taken_together(guest: Guest) -> None:
    daemon = Daemon(guest)
    daemon.put("p", block("/usr/bin/stat"))
    with running(guest, "web", image()) as container:
        daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 1)
        assert runs(container, "ls")
        seen = len(daemon.log)
        took = float(
            guest.run(["python3", "-c", STORM], input=policy(block("/usr/bin/ls"), "p"), timeout=300).checked()
        )
        begun = uptime(guest)
        while runs(container, "ls"):
            assert uptime(guest) < begun + 30
        time.sleep(2)
        swaps = sum(event["swapped"] for event in daemon.log[seen:] if event["event"] == "status")
        print(f"a thousand versions in {took:.1f} s of the guest: {swaps} swaps")
        assert 0 < swaps <= 100
    daemon.end()


@pytest.mark.parametrize("jump", ["+1 day", "-2 days"])
def test_a_clock_that_jumps_delays_nothing(guest: Guest, jump: str) -> None:
    """A policy that changes is enforced as soon as ever, and what the kernel holds is still compared."""
    daemon = Daemon(guest)
    daemon.put("p", block("/usr/bin/stat"))
    with running(guest, "web", image()) as container:
        daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 1)
        guest.run(["date", "-s", jump]).checked()
        assert not runs(container, "stat")
        begun = uptime(guest)
        guest.put(f"{POLICIES}/p.json", policy(block("/usr/bin/ls"), "p"))
        while runs(container, "ls"):
            assert uptime(guest) < begun + 5
        assert runs(container, "stat")
        alert = daemon.alerts()[-1]
        now = int(guest.run(["date", "+%s"]).checked())
        assert abs(alert["Timestamp"] - now) < 60
        guest.run(["rm", "/sys/fs/bpf/hauberk/links/hauberk_open"]).checked()
        said = daemon.until(lambda event: event["event"] == "tampered", within=120)
        assert said["found"] == "program hauberk_open was detached"
    daemon.end()


def test_alerts_that_find_no_room_are_counted_and_denials_stay(guest: Guest) -> None:
    guest.run(["rm", "-f", f"{POLICIES}/p.json"]).checked()
    guest.run(["mkdir", "-p", "/daemon/small"]).checked()
    guest.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/daemon/small"]).checked()
    daemon = Daemon(guest, alerts="/daemon/small/alerts")
    daemon.put("p", block("/usr/bin/ls"))
    with running(guest, "web", image()) as container:
        daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 1)
        guest.run(["bash", "-c", "yes > /daemon/small/filler; true"]).checked()
        assert not runs(container, "ls")
        guest.run(["rm", "/daemon/small/filler"]).checked()
        assert not runs(container, "ls")
        assert [one["Resource"] for one in daemon.alerts()] == ["/usr/bin/ls"]
    daemon.end()
    assert (daemon.log[-1]["alerts"], daemon.log[-1]["alerts_lost"]) == (1, 1)
    guest.run(["umount", "/daemon/small"]).checked()
