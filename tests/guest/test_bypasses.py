"""Ways around a policy (E5, E6): each trick works without one, and is refused with it, or is known to stay open."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from guest.bypasses import BASES, CANNOT_BE_TRIED, OPEN, TRICKS, Trick, page, policies
from support import ROOT
from support.control import Control, Lines, enforcing
from support.keeper import Keeper
from support.programs import INSIDE, compiled

FREE = "tricks-free"
"""A cgroup without a policy."""
CASES = [(trick, base) for trick in TRICKS for base in trick.bases]


class Bench:
    def __init__(self, control: Control) -> None:
        guest = control.guest
        guest.put("/t/tricks.py", (INSIDE / "tricks.py").read_bytes())
        guest.put("/t/true", compiled("true.S"), 0o755)
        for slot, (base, kind) in enumerate(product(BASES, policies(""))):
            group = _group(base, kind)
            control.register(group, slot + 1)
            control.set(policies(base)[kind], slot=slot + 1)
        control.register(FREE, len(BASES) * len(policies("")) + 1)
        self.kernel = guest.kernel
        self._outside = guest.start(["sleep", "infinity"])
        self._tricks = Lines(guest, ["python3", "/t/tricks.py"])

    def attempt(self, trick: Trick, base: str, group: str) -> tuple[int, str]:
        code, complaint = self._tricks.asked(f"{trick.name} {base} {group} {self._outside.pid}")
        return code, complaint

    def close(self) -> None:
        self._outside.kill()
        self._tricks.close()


def _group(base: str, kind: str) -> str:
    return f"tricks{base.replace('/', '-')}-{kind}"


@pytest.fixture(scope="module")
def bench(keeper: Keeper) -> Iterator[Bench]:
    with enforcing(keeper.guest()) as control:
        bench = Bench(control)
        yield bench
        bench.close()


@pytest.mark.guest
@pytest.mark.parametrize(("trick", "base"), CASES, ids=[f"{t.name}-{t.policy}-{b.count('/')}" for t, b in CASES])
def test_a_trick_works_without_a_policy_and_comes_to_what_the_page_says_with_one(
    bench: Bench, trick: Trick, base: str
) -> None:
    if (trick.name, base, bench.kernel) in CANNOT_BE_TRIED:
        code, complaint = bench.attempt(trick, base, FREE)
        assert (code, "not supported" in complaint) == (5, True), complaint
        return
    code, complaint = bench.attempt(trick, base, FREE)
    assert code == 0, f"without a policy: {complaint}"
    code, complaint = bench.attempt(trick, base, _group(base, trick.policy))
    assert code == (0 if trick.verdict == OPEN else 1), complaint


def test_the_page_says_what_the_tests_hold() -> None:
    assert (ROOT / "docs/bypasses.md").read_text() == page()
