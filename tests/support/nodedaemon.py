"""`hauberk-enforcer run` in a guest, with a folder of policies, and containers that its hook tells of."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from support.cluster import Cluster
from support.commands import Background
from support.container import NGINX, Container, Image
from support.guest import Guest
from support.keeper import Keeper
from support.programs import INSIDE

CLI = ("/usr/bin/python3", "-m", "hauberk.enforcer.main")
POLICIES, ALERTS = "/daemon/policies", "/daemon/alerts"
HOOK = ("/usr/bin/env", "PYTHONPATH=/opt/hauberk/python", *CLI, "hook")
PERIOD = 5


def policy(spec: dict[str, Any], name: str = "p") -> bytes:
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": "web"},
        "spec": {"selector": {"matchLabels": {"app": "nginx"}}, **spec},
    }
    return json.dumps(document).encode()


def block(*paths: str) -> dict[str, Any]:
    return {"action": "Block", "process": {"matchPaths": [{"path": path} for path in paths]}}


class Daemon:
    """One that is ready, with the policies of a folder of its guest."""

    def __init__(self, guest: Guest, *options: str, alerts: str = ALERTS, before: Sequence[str] = ()) -> None:
        """`before` is a command that starts another one."""
        self.guest, self._alerts = guest, alerts
        guest.run(["mkdir", "-p", POLICIES]).checked()
        line = ["run", "--policies", POLICIES, "--alerts", alerts, "--period", str(PERIOD), *options]
        self._process: Background = guest.start([*before, *CLI, *line])
        self.until(lambda event: event["event"] == "ready", within=300)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self._process.stderr.decode().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines]

    def until(self, holds: Callable[[dict[str, Any]], bool], *, after: int = 0, within: float = 60) -> dict[str, Any]:
        """The first event after so many that is meant."""
        end = time.monotonic() + within
        while not (found := [event for event in self.log[after:] if holds(event)]):
            assert self._process.running, self._process.stderr.decode()
            assert time.monotonic() < end, self._process.stderr.decode()
            time.sleep(0.1)
        return found[0]

    def put(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """A policy comes or changes; the status that came of it."""
        seen = len(self.log)
        self.guest.put(f"{POLICIES}/{name}.json", policy(spec, name))
        return self.until(lambda event: event["event"] == "status", after=seen)

    def end(self, *, kill: bool = False) -> None:
        if kill:
            self._process.kill()
        else:
            self.guest.run(["kill", str(self._process.pid)]).checked()
        self._process.wait()

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.guest.get(self._alerts).decode().splitlines()]


def image(**more: Any) -> Image:
    labels = {"hauberk.dev/namespace": "web", "hauberk.dev/labels": "app=nginx", "hauberk.dev/pod": "nginx-1"}
    return Image(NGINX, hook=HOOK, annotations=labels, **more)


@contextmanager
def tended(keeper: Keeper) -> Generator[Guest]:
    """A guest of which nothing of a daemon is left afterwards."""
    guest = keeper.guest()
    yield guest
    guest.run([*CLI, "unload"])
    guest.run(["rm", "-rf", "/daemon", "/run/hauberk"])


@contextmanager
def paused(guest: Guest) -> Generator[None]:
    """The daemon of a guest looks at nothing meanwhile, and puts nothing right."""
    guest.run(["pkill", "-STOP", "--full", "hauberk.enforcer.main run"]).checked()
    yield
    guest.run(["pkill", "-CONT", "--full", "hauberk.enforcer.main run"]).checked()


def reach(guest: Guest, cluster: Cluster) -> None:
    """Leads a guest with a network to the API server: /t/kubeconfig there is for it."""
    guest.put("/t/forward.py", (INSIDE / "forward.py").read_bytes())
    guest.start(["python3", "/t/forward.py", str(urlsplit(cluster.url).port)]).until(b"ready")
    guest.put("/t/authority.crt", cluster.authority.read_bytes())
    config = re.sub(r"(?m)(certificate-authority: ).*$", r"\1/t/authority.crt", cluster.kubeconfig.read_text())
    guest.put("/t/kubeconfig", config.encode())


def uptime(guest: Guest) -> float:
    """Seconds of its own clock: how fast it runs hangs on what else the machine does."""
    return float(guest.run(["cat", "/proc/uptime"]).checked().split()[0])


def runs(container: Container, program: str) -> bool:
    return container.exec([program, "/"]).returncode == 0
