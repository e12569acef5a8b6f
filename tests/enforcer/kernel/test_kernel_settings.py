"""Settings in the kernel: who changes them behind a daemon's back is found out, whatever it writes meanwhile."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hauberk.enforcer.kernel.loader import SETTINGS_MAP, Programs
from hauberk.enforcer.kernel.maps import NODE, Kernel
from hauberk.enforcer.kernel.wire import SLOT, Settings


class Map(dict[bytes, bytes]):
    """A stand-in for one of the kernel."""

    max_entries = 16

    def set(self, key: bytes, value: bytes) -> None:
        self[key] = value

    def delete(self, key: bytes) -> bool:
        return self.pop(key, None) is not None


class Bench:
    def __init__(self, settings: Settings) -> None:
        self.maps = {name: Map() for name in ("policies", "containers", "automata", SETTINGS_MAP)}
        self.put(settings)
        self.kernel = self.another()

    def another(self) -> Kernel:
        """Of another process."""
        return Kernel(cast(Programs, SimpleNamespace(maps=self.maps, seed=None)))

    def put(self, settings: Settings) -> None:
        """Written by somebody else."""
        self.maps[SETTINGS_MAP].set(SLOT.pack(0), settings.pack())


@pytest.fixture
def bench() -> Bench:
    found = Bench(Settings(levels=8, node=1))
    found.kernel.set_rate(100, 1.0)
    found.kernel.set_observe(on=False)
    return found


@pytest.mark.parametrize("changed", [{"observe": 1}, {"levels": 0}, {"node": 0}, {"burst": 1}, {"window": 5}])
def test_what_somebody_changes_is_found_whatever_is_written_after_it(bench: Bench, changed: dict[str, Any]) -> None:
    kernel = bench.kernel
    before = kernel.settings()
    assert not kernel.settings_differ()
    bench.put(replace(before, **changed))
    kernel.unregister(5)
    assert kernel.settings_differ()
    kernel.restore_settings()
    assert not kernel.settings_differ()
    now = kernel.settings()
    assert replace(now, registry=0) == replace(before, registry=0)
    assert now.registry > before.registry


def test_what_other_processes_add_is_theirs(bench: Bench) -> None:
    bench.put(replace(bench.kernel.settings(), levels=8 | 2, registry=9))
    assert not bench.kernel.settings_differ()
    bench.kernel.set_rate(7, 1.0)
    assert (bench.kernel.settings().levels, bench.kernel.settings().registry) == (8 | 2, 9)
    # and what this one changed after they began stays
    other = bench.another()
    bench.kernel.set_observe(on=True)
    other.unregister(5)
    assert bench.kernel.settings().observe == 1
    assert not bench.kernel.settings_differ()


def test_the_node_is_looked_at_while_it_has_a_policy_whatever_was_expected(bench: Bench) -> None:
    # its policy was deleted while nobody looked, and the setting was not
    bench.kernel.expect([], node=False)
    bench.kernel._set_node(there=True)
    assert not bench.kernel.settings_differ()
    bench.kernel.clear_policy(NODE)
    assert bench.kernel.settings().node == 0
    assert not bench.kernel.settings_differ()


def test_what_an_earlier_process_must_have_written_is_expected() -> None:
    bench = Bench(Settings(levels=8))
    bench.kernel.expect([], node=True)
    assert bench.kernel.settings_differ()
    bench.kernel.restore_settings()
    assert bench.kernel.settings().node == 1
