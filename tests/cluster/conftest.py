"""One cluster for all tests of this folder, in a network of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import hauberk, missing
from support.cluster import Cluster, running
from support.network import own_network


def part(name: str) -> Path:
    """A built part of the cluster, see `make cluster-tools`."""
    folder = Path(os.environ.get(f"HAUBERK_{name.upper()}", "") or "-")
    if not folder.is_dir():
        missing(f"HAUBERK_{name.upper()} names no folder: run `make test`, or `make cluster-tools` and set it")
    return folder


@pytest.fixture(scope="session")
def network() -> Iterator[None]:
    try:
        with own_network():
            yield
    except PermissionError:
        missing("a network of its own needs root")


@pytest.fixture(scope="session")
def cluster(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), part("kube"), part("clients")) as found:
        yield found


@pytest.fixture(scope="session")
def policies(cluster: Cluster) -> None:
    """The CRDs of the policies, as Hauberk writes them."""
    done = hauberk("crds", "--policies")
    assert done.returncode == 0, done.stderr
    cluster.add_crds(done.stdout)
