"""`hauberk-enforcer run` in a guest: a folder of policies, containers of a real runtime, and its hook."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.container import Container, running
from support.enforcing import PINS, SEED, WEB, behind, load, one_line
from support.guest import Guest
from support.keeper import Keeper
from support.nodedaemon import ALERTS, CLI, POLICIES, Daemon, block, image, paused, policy, runs, tended, uptime

pytestmark = [pytest.mark.guest, pytest.mark.parametrize("keeper", ["6.12"], indirect=True)]

WITHIN = 2.0
"""Seconds of the guest's clock from a change to its enforcement."""


@pytest.fixture(scope="module")
def guest(keeper: Keeper) -> Iterator[Guest]:
    with tended(keeper) as guest:
        yield guest


def test_from_a_policy_in_a_folder_to_a_denial_and_an_alert(guest: Guest) -> None:
    daemon = Daemon(guest)
    with running(guest, "web", image()) as container:
        assert container.status() == 200
        assert runs(container, "ls")
        changed = daemon.put("p", block("/bin/ls"))
        assert changed["policies"] == {"KubeArmorPolicy web/p": "Enforced"}
        assert (changed["containers"], changed["enforced"], changed["swapped"]) == (1, 1, 1)
        assert not runs(container, "ls")
        assert container.status() == 200
        [alert] = [one for one in daemon.alerts() if one["Resource"] == "/usr/bin/ls"]
        wanted = {
            "PolicyName": "p",
            "NamespaceName": "web",
            "PodName": "nginx-1",
            "ContainerID": "web",
            "Labels": "app=nginx",
            "Action": "Block",
        }
        assert {key: alert[key] for key in wanted} == wanted
        # another version, within the time that is promised
        before = uptime(guest)
        guest.put(f"{POLICIES}/p.json", policy(block("/usr/bin/cat"), "p"))
        while not runs(container, "ls"):
            assert uptime(guest) < before + WITHIN + 1
        assert not runs(container, "cat")
    daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 0)
    daemon.end()
    assert daemon.log[-1]["event"] == "stopped"


def test_a_container_is_judged_from_its_first_program_on_and_none_starts_without_the_daemon(guest: Guest) -> None:
    daemon = Daemon(guest)
    daemon.put("p", block("/usr/sbin/nginx"))
    guest.put(ALERTS, b"")
    with running(guest, "first", image()) as container:
        # the runtime does not wait for its first program
        assert guest.run(["sh", "-c", f"sleep 1; readlink /proc/{container.pid}/exe"]).stdout == b""
        assert [(one["Resource"], one["Action"]) for one in daemon.alerts()] == [("/usr/sbin/nginx", "Block")]
    daemon.end()
    with pytest.raises(AssertionError, match=r"hauberk-enforcer run|hook"), running(guest, "second", image()):
        pass


def test_enforcement_outlives_the_daemon_and_another_adopts_it(guest: Guest) -> None:
    daemon = Daemon(guest)
    daemon.put("p", block("/bin/ls"))
    with running(guest, "web", image()) as container:
        daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 1)
        daemon.end(kill=True)
        assert not runs(container, "ls")
        again = Daemon(guest)
        status = again.until(lambda event: event["event"] == "status")
        assert (status["enforced"], status["swapped"]) == (1, 0)
        assert not runs(container, "ls")
        # a policy that cannot be enforced leaves the one before at work
        changed = again.put("p", {"action": "Allow", "process": {"matchPaths": [{"path": "/x", "allowedArgs": ["a"]}]}})
        assert changed["policies"] == {"KubeArmorPolicy web/p": "Refused"}
        assert not runs(container, "ls")
        again.end()
        # and so it does when the daemon restarts
        third = Daemon(guest)
        assert third.until(lambda event: event["event"] == "status")["swapped"] == 0
        assert not runs(container, "ls")
        third.end()


def test_what_somebody_changes_in_the_kernel_is_told_and_put_right(guest: Guest) -> None:
    daemon = Daemon(guest)
    daemon.put("p", {"action": "Block", "file": {"matchPaths": [{"path": "/etc/shadow"}]}})

    def reads(container: Container) -> bool:
        return container.exec(["cat", "/etc/shadow"]).returncode == 0

    with running(guest, "web", image()) as container:
        daemon.until(lambda event: event["event"] == "status" and event["enforced"] == 1)
        assert not reads(container)
        # another thing in the place of a link: its program is detached as well
        link = f"{PINS}/links/hauberk_open"
        behind(guest, f"Path('{link}').unlink(); libbpf.Map.create(libbpf.MAP_ARRAY, 'x', 4, 8, 1).pin('{link}')")
        # the kernel ends a program some time after its last pin went, and new ones take some seconds to load
        end = time.monotonic() + 60
        while not reads(container):
            assert time.monotonic() < end
        said = daemon.until(lambda event: event["event"] == "tampered", within=120)
        assert said["found"] == "program hauberk_open was detached"
        assert not reads(container)

        def found(statement: str) -> str:
            seen = len(daemon.log)
            behind(guest, f"kernel = Kernel(loader.adopt()); {statement}")
            return str(daemon.until(lambda event: event["event"] == "tampered", after=seen)["found"])

        entries = "its entries in the kernel are others than those of its policies"
        assert found("kernel.set_policy(1, Image())") == f"web: {entries}"
        assert not reads(container)
        nobody = (
            "from dataclasses import replace; maps = loader.adopt().maps; "
            "maps[loader.SETTINGS_MAP].set(SLOT.pack(0), replace(kernel.settings(), levels=0).pack())"
        )
        assert found(nobody) == "the settings in the kernel are others than those of the daemon"
        behind(guest, "kernel = Kernel(loader.adopt()); assert kernel.settings().levels")
        records = f"{PINS}/maps/records"
        assert found(f"Path('{records}').unlink()") == "the pin of map records is gone"
        another = f"Path('{records}').unlink(); libbpf.Map.create(libbpf.MAP_ARRAY, 'x', 4, 8, 1).pin('{records}')"
        assert found(another) == "the pin of map records is another"
        assert not reads(container)
        # what starts while a cgroup around its own is another workload's is not judged; afterwards it is
        above = str(Path(container.cgroup).parent)
        seen = len(daemon.log)
        with paused(guest):
            behind(guest, f"kernel = Kernel(loader.adopt()); kernel.register(Path('{above}'), 7)")
            assert reads(container)
        said = daemon.until(lambda event: event["event"] == "tampered", after=seen)
        assert said["found"] == f"web: {above}, which it is in, was given to another workload"
        assert not reads(container)
        daemon.end()
        # while no daemon is there
        behind(guest, f"Path('{link}').unlink(); libbpf.Map.create(libbpf.MAP_ARRAY, 'x', 4, 8, 1).pin('{link}')")
        behind(guest, "kernel = Kernel(loader.adopt()); kernel.set_policy(1, Image())")
        daemon = Daemon(guest)
        told = {event["found"] for event in daemon.log if event["event"] == "tampered"}
        assert told == {"program hauberk_open was detached", f"web: {entries}"}
        assert not reads(container)
        daemon.end()
        # a map that no program reads: what is written there would judge nothing
        automata = f"{PINS}/maps/automata"
        other = f"libbpf.Map.create(libbpf.MAP_ARRAY, 'x', 4, 4, 9).pin('{automata}')"
        behind(guest, f"Path('{automata}').unlink(); {other}")
        refused = guest.run([*CLI, "run", "--policies", POLICIES])
        assert one_line(refused).startswith(f"{automata} is not the map of the programs: unload them")
        assert not reads(container)
        guest.run([*CLI, "unload"]).checked()
        assert reads(container)


def test_observing_denies_nothing_and_reports_what_would_be(guest: Guest) -> None:
    daemon = Daemon(guest, "--mode", "observe")
    daemon.put("p", block("/bin/ls"))
    guest.put(ALERTS, b"")
    with running(guest, "web", image()) as container:
        assert runs(container, "ls")
        assert runs(container, "ls")
        found = [one for one in daemon.alerts() if one["Resource"] == "/usr/bin/ls"]
        assert [(one["PolicyName"], one["Result"]) for one in found] == [("p", "Passed")] * 2
        daemon.end()
        assert "nothing is denied, as" in one_line(load(guest, SEED, "--cgroup", container.cgroup, *WEB))
        # the next one observes as well, and the one after it denies
        Daemon(guest, "--mode", "observe").end()
        assert runs(container, "ls")
        daemon = Daemon(guest)
        assert not runs(container, "ls")
    daemon.end()
