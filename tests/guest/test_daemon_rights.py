"""The capabilities that deploy/ gives the daemon: with them it enforces, without any one of them it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

import pytest
import yaml

from support import ROOT
from support.container import running
from support.guest import Guest
from support.keeper import Keeper
from support.nodedaemon import CLI, POLICIES, Daemon, block, image, policy, runs, tended

pytestmark = [pytest.mark.guest, pytest.mark.parametrize("keeper", ["6.12"], indirect=True)]

PRIVATE = "/image/home/user/private"
GROUP = "/sys/fs/cgroup/enforcer"
LINK = "/home/user/private/tool"
"""A link in a folder that is not root's."""


def of_the_daemonset() -> list[str]:
    (document,) = yaml.safe_load_all((ROOT / "deploy/enforcer/daemonset.yaml").read_text())
    (container,) = document["spec"]["template"]["spec"]["containers"]
    context = container["securityContext"]
    assert context["capabilities"]["drop"] == ["ALL"]
    assert (context["privileged"], context["allowPrivilegeEscalation"]) == (False, False)
    found: list[str] = context["capabilities"]["add"]
    return found


NEEDED = of_the_daemonset()


@pytest.fixture(scope="module")
def guest(keeper: Keeper) -> Iterator[Guest]:
    with tended(keeper) as guest:
        guest.run(["mkdir", "-m", "700", PRIVATE]).checked()
        guest.run(["ln", "-s", "/usr/bin/cat", f"{PRIVATE}/tool"]).checked()
        guest.run(["chown", "-R", "-h", "1000:1000", PRIVATE]).checked()
        guest.run(["mkdir", GROUP]).checked()
        yield guest
        guest.run(["rmdir", GROUP])
        guest.run(["rm", "-rf", PRIVATE])


def confined(capabilities: Sequence[str]) -> tuple[str, ...]:
    """As a container runtime, or systemd, starts a program: in a cgroup, with these capabilities and no more."""
    names = "".join(f",+{name.lower()}" for name in capabilities)
    rights = f"setpriv --bounding-set=-all{names} --inh-caps=-all --no-new-privs"
    return ("sh", "-c", f'echo $$ >{GROUP}/cgroup.procs && exec {rights} -- "$@"', "sh")


def test_with_those_of_the_daemonset_it_enforces(guest: Guest) -> None:
    unit = (ROOT / "deploy/systemd/hauberk-enforcer.service").read_text()
    assert f"CapabilityBoundingSet={' '.join(f'CAP_{name}' for name in NEEDED)}\n" in unit
    guest.put(f"{POLICIES}/p.json", policy(block("/bin/ls", LINK)))
    daemon = Daemon(guest, before=confined(NEEDED))
    with running(guest, "web", image()) as container:
        assert not runs(container, "ls")
        assert container.exec(["cat", "/etc/hostname"]).returncode != 0
        assert container.status() == 200
        assert daemon.alerts()[-1]["PolicyName"] == "p"
    daemon.end()


@pytest.mark.parametrize("missing", NEEDED)
def test_without_any_one_of_them_it_says_so_and_no_container_starts(guest: Guest, missing: str) -> None:
    guest.put(f"{POLICIES}/p.json", policy(block("/bin/ls", LINK)))
    line = [*CLI, "run", "--policies", POLICIES, "--alerts", "/daemon/alerts"]
    process = guest.start([*confined([name for name in NEEDED if name != missing]), *line])
    try:
        end = time.monotonic() + 300
        while process.running and b'"event": "ready"' not in process.stderr:
            assert time.monotonic() < end
            time.sleep(0.2)
        if process.running:
            # it has started, and cannot see where a rule's path leads, or the container's root
            with pytest.raises(AssertionError, match="error executing hook"), running(guest, "web", image()):
                pass
            refused = [event for event in map(json.loads, process.stderr.splitlines()) if event["event"] == "refused"]
            assert [event["container"] for event in refused] == ["web"]
            assert "Permission denied" in refused[0]["reason"]
        else:
            said = process.stderr.decode().splitlines()
            assert said[0].startswith(f"hauberk-enforcer: capabilities: lacking CAP_{missing}: ")
    finally:
        print(process.stderr.decode())
        process.kill()
        process.wait()
