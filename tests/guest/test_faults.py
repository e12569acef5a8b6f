"""What cannot be told is denied and counted (E7), what is not reported is counted (E8), what does not fit is refused
whole (E9).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hauberk.enforcer.kernel.wire import Fault
from support.control import Control, enforcing
from support.guest import Guest
from support.keeper import Keeper
from support.kernels import Kernel
from support.payload import packages
from support.programs import INSIDE

pytestmark = pytest.mark.guest

GROUP = "faults"
FILE = "/faults/file"
BASES = ("/faults", "/mnt/ext4/faults")
EACCES = 13
SIZES = {"ring_bytes": 64 << 10, "containers": 8}
BLOCK_FILE: dict[str, Any] = {"action": "Block", "file": {"matchPaths": [{"path": FILE}]}}
COMPONENTS = 256
"""Of a path, see wire.h."""


class Bench:
    def __init__(self, control: Control) -> None:
        guest = control.guest
        guest.put("/t/faults.py", (INSIDE / "faults.py").read_bytes())
        for base in BASES:
            guest.put(f"{base}/file", b"content\n")
        control.register(GROUP)
        control.set(BLOCK_FILE)
        self.control = control

    def errors(self, what: str, *arguments: object) -> list[int]:
        done = self.control.guest.run(["python3", "/t/faults.py", GROUP, what, *map(str, arguments)])
        return [int(word) for word in done.checked().split()]

    @contextmanager
    def counting(self) -> Iterator[dict[str, int]]:
        """Filled at the end, with what has changed."""
        before, found = self.control.counters(), dict[str, int]()
        yield found
        after = self.control.counters()
        found.update({name: after[name] - before[name] for name in after if after[name] != before[name]})


@pytest.fixture(scope="module")
def bench(keeper: Keeper) -> Iterator[Bench]:
    with enforcing(keeper.guest(), **SIZES) as control:
        yield Bench(control)


@pytest.fixture
def unlimited(bench: Bench) -> Iterator[Bench]:
    bench.control.records()
    yield bench
    bench.control.ask(rate=[0, 1])


@pytest.mark.parametrize("base", BASES)
def test_a_path_that_is_too_deep_is_denied_and_counted(bench: Bench, base: str) -> None:
    bench.control.records()
    with bench.counting() as counted:
        # the file is one component more
        depths = (COMPONENTS - 1, COMPONENTS, COMPONENTS + 4)
        assert bench.errors("deep", base, *depths) == [0, EACCES, EACCES]
    assert counted == {"DENIED": 2, "TOO_DEEP": 2}
    assert [(record[0], record[1]) for record in bench.control.records()] == [("CANNOT_TELL", "READ")] * 2


@pytest.mark.parametrize("base", BASES)
def test_a_path_in_no_namespace_is_denied_and_counted(bench: Bench, base: str) -> None:
    bench.control.set({"action": "Block", "file": {"matchPaths": [{"path": "/faults/other"}]}})
    with bench.counting() as counted:
        assert bench.errors("detached", base) == [EACCES, 0]
    assert counted == {"DENIED": 1, "NO_PATH": 1}
    bench.control.set(BLOCK_FILE)


def test_all_of_a_flood_is_denied_and_what_is_lost_is_counted(unlimited: Bench) -> None:
    with unlimited.counting() as counted:
        assert unlimited.errors("flood", FILE, 5000) == [5000, EACCES]
        records = unlimited.control.records()
    assert {tuple(record[:4]) for record in records} == {("RULE", "READ", -EACCES, FILE)}
    assert records[-1][-1] == 0
    assert counted == {"DENIED": 5000, "LOST": 5000 - len(records)}
    assert counted["LOST"] > 1000


def test_more_reports_than_the_rate_allows_are_counted_and_told_later(unlimited: Bench) -> None:
    unlimited.control.ask(rate=[5, 60])
    # the window of this rule began with its first report, long ago under a rate without a bound
    with unlimited.counting() as counted:
        assert unlimited.errors("flood", FILE, 1000) == [1000, EACCES]
        records = unlimited.control.records()
    assert len(records) in {4, 5}
    assert counted == {"DENIED": 1000, "SUPPRESSED": 1000 - len(records)}
    # a window that is over by now
    unlimited.control.ask(rate=[5, 0.001])
    assert unlimited.errors("flood", FILE, 1) == [1, EACCES]
    [[*_, suppressed]] = unlimited.control.records()
    assert suppressed == counted["SUPPRESSED"]


def test_a_container_that_does_not_fit_is_refused_and_the_others_stay(bench: Bench) -> None:
    free = SIZES["containers"] - 1
    for number in range(free):
        bench.control.register(f"{GROUP}/{number}", slot=2)
    refused = bench.control.ask(attempt={"register": f"/sys/fs/cgroup/{GROUP}/more", "slot": 2})
    assert refused["error"] == "TooLargeError"
    assert refused["text"] == f"all {SIZES['containers']} places for cgroups are taken"
    assert bench.errors("flood", FILE, 1) == [1, EACCES]


def test_a_policy_beyond_the_bound_is_refused_with_the_numbers_and_the_old_one_stays(bench: Bench) -> None:
    bench.control.set(BLOCK_FILE)
    bench.control.ask(most_bytes=100_000)
    many = [{"path": f"/many/{number}"} for number in range(1000)]
    refused = bench.control.attempt({"action": "Block", "file": {"matchPaths": many}})
    assert refused["error"] == "TooLargeError"
    assert refused["text"].startswith("the policy takes 0.")
    assert refused["text"].endswith("MB of kernel memory, the bound is 0.1 MB")
    assert bench.control.holds(BLOCK_FILE)
    assert bench.errors("flood", FILE, 1) == [1, EACCES]


@pytest.fixture
def failing(bench: Bench) -> Iterator[Bench]:
    """Programs of which some reads fail, and no two names are judged by one policy."""
    bench.control.ask(upgrade=Fault.NAME | Fault.PATTERN | Fault.TORN)
    yield bench
    bench.control.ask(unload=True)


def test_names_that_cannot_be_read_and_policies_that_do_not_stay_deny(failing: Bench) -> None:
    """The last of its module, as the programs are others afterwards. No such read is known to fail."""
    long, short = f"/faults/{'x' * 40}", "/faults/short"
    told = failing.control.records

    def tried(*what: str) -> tuple[int, dict[str, int], list[tuple[Any, ...]]]:
        told()
        with failing.counting() as counted:
            [error] = failing.errors(*what)
        return error, counted, [tuple(record[:2]) for record in told()]

    failing.control.set({"action": "Block", "file": {"matchPaths": [{"path": "/faults/other"}]}})
    for path in (long, short):
        failing.control.guest.put(path, b"")
    assert tried("open", short) == (0, {}, [])
    assert tried("open", long) == (EACCES, {"DENIED": 1, "NO_PATH": 1}, [("CANNOT_TELL", "READ")])
    assert tried("rename", long, short)[0] == EACCES
    assert tried("rename", short, f"{short}.new") == (EACCES, {"DENIED": 1, "TORN": 1}, [])
    assert tried("link", short, f"{short}.new") == (EACCES, {"DENIED": 1, "TORN": 1}, [])
    failing.control.set({"action": "Block", "file": {"matchPatterns": [{"pattern": "/faults/*.conf"}]}})
    assert tried("open", short) == (EACCES, {"DENIED": 1, "NO_PATH": 1}, [("CANNOT_TELL", "READ")])
    assert tried("mkdir", "/faults/folder") == (EACCES, {"DENIED": 1, "NO_PATH": 1}, [("CANNOT_TELL", "MODIFY")])


def test_a_kernel_whose_storage_fails_denies_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cx16, local storage of 6.19 and later gives nothing: who is in scope does nothing at all."""
    monkeypatch.setattr(Kernel, "processor", "max,-la57,-cx16")
    with Guest.boot("7.x", packages()) as guest, enforcing(guest) as control:
        guest.put(FILE, b"content\n")
        control.register(GROUP)
        enter_and_read = ["sh", "-c", f"echo $$ >/sys/fs/cgroup/{GROUP}/cgroup.procs; read -r line <{FILE} && echo it"]
        # while it has no policy, nobody asks
        assert guest.run(enter_and_read).stdout == b"it\n"
        control.set(BLOCK_FILE)
        before = control.counters()
        assert guest.run(enter_and_read).stdout == b""
        after = control.counters()
        assert after["NO_STORAGE"] > before["NO_STORAGE"]
        assert after["DENIED"] > before["DENIED"]
        # outside, all goes on
        assert guest.run(["cat", FILE]).checked() == "content\n"
