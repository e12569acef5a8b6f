"""The policy that the README begins with, and its corrected form, on a container with nginx in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from support import ROOT
from support.container import NGINX, Container, Image, running
from support.control import BLOCK, Control, enforcing, policy
from support.keeper import Keeper

pytestmark = pytest.mark.guest

EXAMPLE = ROOT / "examples/nginx"
NEEDED = ("net_bind_service", "setgid", "setuid")
"""Capabilities that nginx uses to start, as it listens below port 1024 and its workers are another user."""

SECOND = b"""
pid /run/second.pid; user www-data; events {}
http { error_log /var/log/nginx/second; server { listen 81; root /var/www/html; } }
"""
"""A configuration under which nginx runs once more."""

IMAGE = Image(NGINX, files={"/etc/nginx/second.conf": SECOND})


@dataclass(frozen=True, slots=True)
class Web:
    control: Control
    container: Container

    def set(self, *documents: dict[str, Any]) -> None:
        first = documents[0]
        workload = {
            "namespace": first["metadata"]["namespace"],
            "labels": first["spec"]["selector"]["matchLabels"],
            "container": "nginx",
        }
        assert self.control.ask(set=documents, posture=BLOCK, slot=1, workload=workload) is True
        self.control.records()

    def bash(self, script: str) -> tuple[int, str]:
        done = self.container.exec(["bash", "-c", script])
        return done.returncode, (done.stdout + done.stderr).decode()

    def nginx(self, *arguments: str) -> tuple[int, str]:
        done = self.container.exec(["nginx", *arguments])
        return done.returncode, done.stderr.decode()

    def reported(self) -> list[tuple[Any, ...]]:
        """Reason, operation, resource, program of what was reported since the last time."""
        return [(reason, op, resource, program) for reason, op, _, resource, program, *_ in self.control.records()]


def scalars(capabilities: Sequence[str], protocol: str = "tcp") -> dict[str, Any]:
    """A policy that lists these for the workload of the seed's."""
    listed = {
        "network": {"matchProtocols": [{"protocol": protocol}]},
        "capabilities": {"matchCapabilities": [{"capability": name} for name in capabilities]},
    }
    return policy({"action": "Allow", "selector": {"matchLabels": {"app": "nginx"}}, **listed}, "scalars")


def documents(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLE / path).read_text()))


@pytest.fixture(scope="module")
def web(keeper: Keeper) -> Iterator[Web]:
    guest = keeper.guest()
    with enforcing(guest) as control, running(guest, "seed", IMAGE) as container:
        control.register(container.cgroup)
        yield Web(control, container)


@pytest.fixture
def seed(web: Web) -> Web:
    web.set(*documents("policy.yaml"))
    return web


@pytest.fixture
def corrected(web: Web) -> Web:
    web.set(*documents("corrected/policy.yaml"))
    return web


def test_nginx_serves_and_bash_runs(seed: Web) -> None:
    assert seed.container.status() == 200
    assert seed.bash("echo hello") == (0, "hello\n")
    assert seed.reported() == []


def test_ls_is_denied_and_the_report_says_by_what(seed: Web) -> None:
    assert seed.bash("ls /") == (126, "bash: line 1: /usr/bin/ls: Permission denied\n")
    [[reason, op, result, resource, program, parent, suppressed]] = seed.control.records()
    assert (reason, op, result) == ("POSTURE", "EXEC", -13)
    assert (resource, program, suppressed) == ("/usr/bin/ls", "/usr/bin/bash", 0)
    # crun is in no mount of the container
    assert parent == "" or parent.endswith("crun"), parent


def test_the_configuration_is_read_by_all_and_written_by_nginx(seed: Web) -> None:
    assert seed.bash("read -r line </etc/nginx/nginx.conf")[0] == 0
    assert seed.reported() == []
    code, said = seed.bash("echo >>/etc/nginx/nginx.conf")
    assert (code, said) == (1, "bash: line 1: /etc/nginx/nginx.conf: Permission denied\n")
    assert seed.reported() == [("RULE", "WRITE", "/etc/nginx/nginx.conf", "/usr/bin/bash")]
    assert seed.nginx("-t", "-g", "error_log /etc/nginx/nginx.conf;")[0] == 0
    assert seed.nginx("-t", "-g", "error_log /etc/nginx/made;")[0] == 0
    assert seed.reported() == []
    assert seed.bash("echo >>/etc/made")[0] == 0


def test_corrected_the_configuration_is_for_nginx_alone(corrected: Web) -> None:
    assert corrected.bash("read -r line </etc/nginx/nginx.conf")[0] == 1
    assert corrected.reported() == [("RULE", "READ", "/etc/nginx/nginx.conf", "/usr/bin/bash")]
    assert corrected.bash("echo >>/etc/nginx/nginx.conf")[0] == 1
    assert corrected.bash("echo >/etc/nginx/new")[0] == 1
    assert corrected.bash("read -r line </etc/nginx/../nginx/sites-enabled/default")[0] == 1
    assert {one[:2] for one in corrected.reported()} == {("RULE", "WRITE"), ("RULE", "MODIFY"), ("RULE", "READ")}
    code, said = corrected.nginx("-t", "-g", "error_log /etc/nginx/nginx.conf;")
    assert code == 1
    assert "Permission denied" in said


def test_corrected_nginx_serves_and_reloads(corrected: Web) -> None:
    assert corrected.container.status() == 200
    workers = workers_of(corrected)
    assert corrected.nginx("-s", "reload")[0] == 0
    assert eventually(lambda: not workers & workers_of(corrected))
    assert corrected.container.status() == 200
    assert corrected.reported() == []


def test_corrected_bash_runs_and_ls_does_not(corrected: Web) -> None:
    assert corrected.bash("ls /") == (126, "bash: line 1: /usr/bin/ls: Permission denied\n")
    assert corrected.reported() == [("POSTURE", "EXEC", "/usr/bin/ls", "/usr/bin/bash")]


def test_these_policies_say_nothing_of_networks_and_capabilities() -> None:
    """So the posture of both, block here, is looked at by none of the tests above (semantics.md 4.5)."""
    for path in ("policy.yaml", "corrected/policy.yaml"):
        for one in documents(path):
            assert not {"network", "capabilities"} & set(one["spec"])


def test_with_a_list_of_capabilities_and_protocols_nginx_needs_tcp_and_three(web: Web) -> None:
    """The runtime's own are not counted: what enters a container is not judged before its exec."""
    web.set(*documents("policy.yaml"), scalars(NEEDED))
    assert web.nginx("-c", "/etc/nginx/second.conf")[0] == 0
    assert web.container.status(port=81) == 200
    assert web.nginx("-c", "/etc/nginx/second.conf", "-s", "stop")[0] == 0
    assert web.bash("echo hello") == (0, "hello\n")
    assert web.reported() == []


@pytest.mark.parametrize("missing", NEEDED)
def test_without_one_of_them_nginx_does_not_start(web: Web, missing: str) -> None:
    web.set(*documents("policy.yaml"), scalars([name for name in NEEDED if name != missing]))
    web.nginx("-c", "/etc/nginx/second.conf")
    # a worker tells after its master has gone on
    assert eventually(lambda: ("POSTURE", "CAPABILITY", "", "/usr/sbin/nginx") in web.reported())
    web.nginx("-c", "/etc/nginx/second.conf", "-s", "stop")


def test_without_tcp_no_socket_is_made(web: Web) -> None:
    web.set(*documents("policy.yaml"), scalars(NEEDED, "udp"))
    assert web.nginx("-c", "/etc/nginx/second.conf")[0] == 1
    assert web.reported()[0] == ("POSTURE", "NETWORK", "", "/usr/sbin/nginx")


def workers_of(web: Web) -> set[str]:
    """All in the container but its first process."""
    return set(web.container.guest.get(f"{web.container.cgroup}/cgroup.procs").decode().split()) - {
        str(web.container.pid)
    }


def eventually(holds: Callable[[], bool], within: float = 20) -> bool:
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
