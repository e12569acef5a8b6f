"""The unit with a drop-in as docs/operations.md has it, under a real systemd that is PID 1 of its guest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support import ROOT
from support.guest import Guest
from support.kernels import tools
from support.nodedaemon import CLI
from support.payload import packages
from support.qemu import Payload

pytestmark = pytest.mark.guest

UNIT = "hauberk-enforcer"
ALERTS = "/var/log/hauberk/alerts.json"
HOST_POLICY = b"""\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorHostPolicy
metadata: {name: secret}
spec:
  nodeSelector: {matchLabels: {node: this}}
  file: {matchPaths: [{path: /secret}]}
  action: Block
"""
# what an administrator adds; the watchdog of the unit waits a minute
DROP_IN = f"""\
[Service]
ExecStart=
ExecStart=/usr/bin/{UNIT} run --policies /etc/hauberk/policies --alerts {ALERTS} --label node=this
WatchdogSec=15
"""
LAUNCHER = f'#!/bin/sh\nPYTHONPATH=/opt/hauberk/python exec {" ".join(CLI)} "$@"\n'
PAYLOAD: Payload = {
    **{f"/{name}": tools() / "systemd" / name for name in ("etc", "usr", "var")},
    f"/etc/systemd/system/{UNIT}.service": ROOT / f"deploy/systemd/{UNIT}.service",
    f"/etc/systemd/system/{UNIT}.service.d/local.conf": DROP_IN.encode(),
    f"/usr/bin/{UNIT}": LAUNCHER.encode(),
    "/etc/hauberk/policies/secret.yaml": HOST_POLICY,
    "/secret": b"told\n",
    # no first boot, which asks questions; and no terminal, which waits for udev: an empty unit is masked
    "/etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
    "/etc/systemd/system/serial-getty@.service": b"",
}


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    with Guest.boot("6.12", {**packages(), **PAYLOAD}) as found:
        assert told(found)
        found.run(["kill", "-USR1", "1"]).checked()
        wait = "until [ -S /run/systemd/private ]; do sleep 0.2; done; systemctl is-system-running --wait"
        state = found.run(["bash", "-c", wait], timeout=300)
        failed = found.run(["systemctl", "--failed", "--plain", "--no-legend"]).checked()
        assert (state.stdout, failed) == (b"running\n", "")
        yield found


def systemctl(guest: Guest, *arguments: str) -> str:
    done = guest.run(["systemctl", *arguments], timeout=300)
    assert done.returncode == 0, done.stderr.decode() + journal(guest)
    return done.stdout.decode()


def journal(guest: Guest) -> str:
    guest.run(["journalctl", "--sync"]).checked()
    return guest.run(["journalctl", "--unit", UNIT, "--output", "cat", "--no-pager"]).checked()


def shown(guest: Guest, name: str) -> str:
    return systemctl(guest, "show", "--property", name, "--value", UNIT).strip()


def alerts(guest: Guest) -> list[dict[str, Any]]:
    """The first of them, which come a moment after what they tell of."""
    wait = f"until [ -s {ALERTS} ]; do sleep 0.1; done; head -n 1 {ALERTS}"
    return [json.loads(line) for line in guest.run(["bash", "-c", wait]).checked().splitlines()]


def told(guest: Guest) -> bool:
    return guest.run(["cat", "/secret"]).stdout == b"told\n"


def denied_until_restarted(guest: Guest, count: int) -> None:
    """Reads on and on, until systemd has started it so often; nothing is read."""
    until = f'[ "$(systemctl show -P NRestarts -P ActiveState {UNIT} | xargs)" = "{count} active" ]'
    script = f"until {until}; do cat /secret 2>/dev/null && exit 9; done; exit 0"
    assert guest.run(["bash", "-c", script], timeout=300).returncode == 0, journal(guest)


def test_the_unit_under_systemd(guest: Guest) -> None:
    systemctl(guest, "enable", "--now", UNIT)
    # of type notify: it is started once policies are in the kernel
    assert not told(guest)
    assert shown(guest, "ActiveState") == "active"
    assert guest.run(["systemctl", "is-enabled", UNIT]).stdout == b"enabled\n"
    [alert] = alerts(guest)
    assert (alert["PolicyName"], alert["Resource"], alert["Result"]) == ("secret", "/secret", "Permission denied")

    systemctl(guest, "kill", "--signal", "KILL", UNIT)
    denied_until_restarted(guest, 1)
    # the first daemon wrote it, the second adopted it
    status = [json.loads(line) for line in journal(guest).splitlines() if '"status"' in line]
    assert [one["swapped"] for one in status] == [1, 0]

    # hangs: the watchdog sees it
    systemctl(guest, "kill", "--signal", "STOP", UNIT)
    denied_until_restarted(guest, 2)
    assert "watchdog" in journal(guest).casefold()

    systemctl(guest, "stop", UNIT)
    assert not told(guest)
    guest.run([UNIT, "unload"]).checked()
    assert told(guest)
