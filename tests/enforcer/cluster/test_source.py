"""What the API server has -> what a daemon is to enforce; a server here is a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.node.made import LS, policy
from hauberk.enforcer.cluster.api import Query
from hauberk.enforcer.cluster.source import ClusterSource, policy_document, policy_object
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.policies import Given
from hauberk.policy.model import Posture

KIND = "KubeArmorPolicy"


class Server:
    """Lists by the last part of their path."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "1"}, "items": self.lists.get(path.rpartition("/")[2], [])}

    def lines(self, path: str, query: Query, silence: float) -> Iterator[bytes]:
        yield from ()


def listed(tmp_path: Path, server: Server) -> ClusterSource:
    """After each kind was listed once."""
    found = ClusterSource(server, "n1", Posture(), lambda: None, Tree(tmp_path, tmp_path))
    assert not found.ready()
    for one in found.reflectors:
        one._list()
    assert found.ready()
    return found


def version(generation: int, spec: str = LS) -> dict[str, Any]:
    """A policy as the API server has it."""
    one = dict(policy(spec).given.document)
    return {**one, "metadata": {**one["metadata"], "uid": "u", "generation": generation, "managedFields": []}}


def test_what_an_earlier_daemon_enforced_is_what_the_server_says_of_it(tmp_path: Path) -> None:
    source = listed(tmp_path, Server(kubearmorpolicies=[version(3)]))
    [now] = source.fill(()).policies
    assert (now.uid, now.generation) == ("u", 3)
    assert source.earlier([now.given]) == (now,)


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_versions_the_last_counts(tmp_path: Path, order: int) -> None:
    source = listed(tmp_path, Server())
    documents = [policy_document(KIND, version(number, f"{LS}\nseverity: {number}")) for number in (2, 9, 10)]
    [found] = source.earlier([Given("x", 1, {}, one) for one in documents][::order])
    assert found == policy_object(documents[2])


def test_a_node_that_the_server_does_not_know_is_told(tmp_path: Path) -> None:
    source = listed(tmp_path, Server())
    assert source.node_uid() == ""
    [said] = source.problems()
    assert said.startswith("the API server has no Node n1")
    source = listed(tmp_path, Server(nodes=[{"metadata": {"name": "n1", "uid": "7", "labels": {"zone": "a"}}}]))
    assert (source.node_uid(), source.problems(), source.fill(()).node) == ("7", [], (("zone", "a"),))
