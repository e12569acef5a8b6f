"""Settings of alerts: read strictly, every mistake with its place."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from hauberk.enforcer.commands.events import context_of
from hauberk.policy.problems import HauberkError


def test_without_settings_the_node_says_what_it_is() -> None:
    found = context_of(None)
    assert (found.host, found.cluster, found.constants) == (socket.gethostname(), "default", {})
    assert abs(found.boot() + time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.time_ns()) < 10**9


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("clusterName: prod\nhostName: n1\nconstants: {tenant_id: '2', workload: w}\n")
    found = context_of(path)
    assert (found.host, found.cluster, found.constants) == ("n1", "prod", {"tenant_id": "2", "workload": "w"})
    path.write_text("")
    assert context_of(path).cluster == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clustername: x\n", "1:1: clustername is no setting: give clusterName, hostName, constants"),
        ("hostName: 1\n", "1:11: hostName must be text"),
        ("constants: x\n", "1:12: constants must be a mapping"),
        ("constants:\n  tenant_id: 2\n", "2:14: tenant_id must be text: put it in quotes"),
        ("constants:\n  Action: Allow\n", "2:3: Action: names that begin with a capital letter"),
        ("- a\n", "1:1: must be a mapping"),
        ("a: [\n", "2:1: "),
        ("clusterName: a\nclusterName: b\n", "2:1: "),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(HauberkError) as caught:
        context_of(path)
    assert str(caught.value).startswith(f"{path}:{said}")
