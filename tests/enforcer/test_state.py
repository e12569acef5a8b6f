"""What is written down is read back, and nothing else is taken for it."""

from __future__ import annotations

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from enforcer.made import generation
from hauberk.enforcer import state as states
from hauberk.enforcer.state import Group, Held, State
from hauberk.policy.problems import HauberkError

SPEC = "action: Block\nfile: {matchPaths: [{path: /bin/a, fromSource: [{path: /bin/b}]}]}"
STATE = State({1: Held((Group(45, "/sys/fs/cgroup/a"),), (generation(SPEC, links={"/bin/a": "/usr/bin/a"}),))}, ("x",))


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new/state.json"
    states.write(path, STATE)
    assert states.read(path) == STATE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["state.json"]


def test_what_is_not_there(tmp_path: Path) -> None:
    assert states.read(tmp_path / "state.json") is None
    states.remove(tmp_path / "state.json")


def test_links_are_applied() -> None:
    (held,) = STATE.slots.values()
    (policy,) = held.now.compiled().policies
    assert str(policy.rules[0].matcher) == "Program(path='/usr/bin/a', execname=None)"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "damaged"),
        (b"[]", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"{}", "no 'version'"),
        (b'{"version": 99}', "has version 99"),
        (b'{"version": 3, "policies": [], "slots": {}}', "no 'programs'"),
        (b'{"version": 3, "policies": [], "programs": [1], "slots": {}}', "1 is no text"),
        (b'{"version": 3, "policies": [], "programs": [], "slots": {"a": {}}}', "damaged"),
        (
            b'{"version": 3, "policies": [], "programs": [], "slots": {"1": {"cgroups": [], "generations": []}}}',
            "without policies",
        ),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_what_is_no_state_is_said_in_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(data)
    with pytest.raises(HauberkError, match=said) as caught:
        states.read(path)
    assert "\n" not in str(caught.value)


def test_one_that_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    states.write(path, STATE)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(HauberkError, match="damaged"):
            states.read(path)


def test_any_part_of_another_type(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    states.write(path, STATE)
    document = json.loads(path.read_text())
    held = document["slots"]["1"]
    for broken in (
        {"cgroups": [{"id": "45", "path": "/a"}]},
        {"generations": [held["generations"][0] | {"version": "now"}]},
        {"generations": [held["generations"][0] | {"workload": []}]},
        {"generations": [held["generations"][0] | {"policies": [1]}]},
        {"generations": [held["generations"][0] | {"policies": [-1]}]},
        {"generations": [held["generations"][0] | {"policies": [document["policies"][0]]}]},
        {"generations": [held["generations"][0] | {"links": {"a": 1}}]},
    ):
        path.write_text(json.dumps(document | {"slots": {"1": held | broken}}))
        with pytest.raises(HauberkError, match="damaged"):
            states.read(path)
    path.write_text(json.dumps(document | {"policies": [{"file": "a", "line": 1, "lines": {}, "document": 1}]}))
    with pytest.raises(HauberkError, match="damaged"):
        states.read(path)


def test_policies_that_workloads_share_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    many = State({slot: Held((Group(slot, f"/g/{slot}"),), (generation(SPEC),)) for slot in range(1, 4)})
    shared = many.slots[1].now.policies
    many = State({slot: Held(held.groups, (replace(held.now, policies=shared),)) for slot, held in many.slots.items()})
    states.write(path, many)
    assert len(json.loads(path.read_text())["policies"]) == 1
    found = states.read(path)
    assert found == many
    assert found.slots[1].now.policies[0] is found.slots[3].now.policies[0]


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    states.write(path, STATE)
    monkeypatch.setattr(states, "MOST_BYTES", 100)
    with pytest.raises(HauberkError, match="no state of ours"):
        states.read(path)
    before = path.read_bytes()
    with pytest.raises(HauberkError, match="load fewer policies"):
        states.write(path, STATE)
    assert path.read_bytes() == before


def test_earlier_policies_are_kept_for_records_that_wait() -> None:
    held = Held((), (generation(SPEC, version=10),))
    for version in (20, 30, 40):
        held = held.followed_by(generation(SPEC, version=version), ())
    assert [one.version for one in held.generations] == [40, 30, 20]
    assert held.now.version == 40
    assert [found.version if (found := held.of(version)) else None for version in (40, 20, 10)] == [40, 20, None]


def test_only_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    inside: list[str] = []

    def other() -> None:
        with states.locked(path):
            inside.append("second")

    with states.locked(path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.1)
        inside.append("first")
        with pytest.raises(HauberkError, match="busy"), states.locked(path, busy="busy"):
            pass
    thread.join()
    assert inside == ["first", "second"]
