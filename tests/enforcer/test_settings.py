"""A file of settings gives `run` its options."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hauberk.enforcer.commands import run as command
from hauberk.enforcer.commands.events import context_of
from hauberk.enforcer.nodeapp import commands, options_of_run
from hauberk.enforcer.settings import MOST_BYTES
from hauberk.policy.problems import HauberkError


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[command.Options]:
    """The options that the daemon was run with."""
    found: list[command.Options] = []
    monkeypatch.setattr(command, "run", found.append)
    monkeypatch.delenv("NODE_NAME", raising=False)
    return found


def run(path: Path, text: str, *more: str) -> None:
    path.write_text(text)
    CliRunner().invoke(commands, ["run", "--config", str(path), *more], catch_exceptions=False)


def test_a_file_gives_every_kind_of_option(ran: list[command.Options], tmp_path: Path) -> None:
    text = (
        "policies: [/etc/a, /etc/b]\nlabel: [a=b]\nposture-file: block\nmode: observe\nperiod: 5\nmemory-limit: 7\n"
        "rate: 1/2\nalerts: unix:/run/x\nmetrics: 127.0.0.1:9464\ncri: /run/c.sock\nnode: n1\n"
        "pins: /sys/fs/bpf/x\nobject: /o\nhostName: h\nconstants: {tenant_id: '2'}\n"
    )
    run(tmp_path / "s.yaml", text)
    [one] = ran
    assert (one.paths, one.labels, one.node) == (("/etc/a", "/etc/b"), (("a", "b"),), "n1")
    assert (one.posture.file, one.posture.network, one.observe, one.open_reports) == ("block", "audit", True, False)
    assert (one.period, one.most_bytes, one.alerts, one.metrics) == (5, 7 << 20, "unix:/run/x", "127.0.0.1:9464")
    assert (one.cri, one.places.pins, one.programs) == ("/run/c.sock", Path("/sys/fs/bpf/x"), Path("/o"))
    assert (one.context.host, one.context.constants) == ("h", {"tenant_id": "2"})


def test_what_is_for_a_cluster_is_refused_without_one(ran: list[command.Options], tmp_path: Path) -> None:
    run(tmp_path / "s.yaml", "reports: openreports\n")
    assert ran[0].open_reports
    for text, said in (
        ("reports: openreports\npolicies: [a]\n", "leave out --policies"),
        ("label: [a=b]\n", "--label is for --policies"),
    ):
        with pytest.raises(HauberkError, match=said):
            run(tmp_path / "s.yaml", text)


def test_a_file_is_read_no_further_than_it_may_be_long(ran: list[command.Options], tmp_path: Path) -> None:
    run(tmp_path / "s.yaml", f"node: n1{' ' * (MOST_BYTES - 8)}")
    assert ran[0].node == "n1"
    with pytest.raises(HauberkError, match="too large for settings: at most"):
        run(tmp_path / "s.yaml", f"node: n1{' ' * (MOST_BYTES - 7)}")


def test_the_file_of_the_daemon_serves_others_too(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("policies: [a]\nposture-file: block\nhostName: h\n")
    assert context_of(path, options_of_run()).host == "h"


def test_the_command_line_and_the_environment_win(
    ran: list[command.Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "policies: [/etc/a]\nmode: observe\nnode: n1\n"
    run(tmp_path / "s.yaml", text, "--mode", "enforce", "--policies", "here")
    monkeypatch.setenv("NODE_NAME", "e")
    run(tmp_path / "s.yaml", text)
    assert [(one.paths, one.observe, one.node) for one in ran] == [(("here",), False, "n1"), (("/etc/a",), True, "e")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polices: [a]\n", "1:1: polices is no setting: give clusterName, hostName, constants, policies, kubeconfig,"),
        ("policies: a\n", "1:11: policies must be a list"),
        ("mode: [observe]\n", "1:7: mode must be one value"),
        ("mode:\n", "1:6: mode must be text or a number: put what YAML"),
        ("mode: {a: b}\n", "1:7: mode must be text or a number"),
        ("mode: on\n", "1:7: mode must be text or a number"),
        ("period: 5\nmode: watch\n", "2:7: mode: "),
        ("period: soon\n", "1:9: period: "),
        ("period: 0\n", "1:9: period: "),
        ("label: [novalue]\n", "1:8: "),
        ("rate: fast\n", "1:7: "),
        ("config: other.yaml\n", "1:1: config is no setting"),
        ("hostName: 1\n", "1:11: hostName must be text"),
    ],
)
def test_mistakes_have_a_place(ran: list[command.Options], tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HauberkError) as caught:
        run(tmp_path / "s.yaml", text)
    assert str(caught.value).startswith(f"{tmp_path}/s.yaml:{said}")
    assert ran == []
