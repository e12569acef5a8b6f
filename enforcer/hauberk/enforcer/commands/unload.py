"""`hauberk-enforcer unload`: nothing of the programs is left, neither pinned nor in the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hauberk.enforcer import state as states
from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.session import Places

_PATIENCE = 15.0
_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Unloaded:
    """`programs` is how many were at work; none when there were no pins."""

    there: bool
    programs: int


def run(places: Places, waiting: Callable[[int, float], None]) -> Unloaded:
    """`waiting` is told how many programs the kernel still has, and for how many seconds they have been awaited.

    Raises:
        RefusedError: the kernel keeps programs that no pin of ours holds any more.

    """
    if not places.pins.exists() and not places.pins.with_name(places.pins.name + "-new").exists():
        states.remove(places.state)
        return Unloaded(there=False, programs=0)
    with states.locked(places.state):
        states.remove(places.state)
        return removed(places, waiting)


def removed(places: Places, waiting: Callable[[int, float], None]) -> Unloaded:
    """Without a look at what is written down; the lock is the caller's.

    Raises:
        RefusedError: as above.

    """
    from hauberk.enforcer.kernel import loader

    programs = loader.program_ids(pins=places.pins)
    there = loader.unload(pins=places.pins)
    begun = time.monotonic()
    while left := loader.still_loaded(programs):
        passed = time.monotonic() - begun
        if passed > _PATIENCE:
            raise RefusedError(
                f"all pins are removed, and {len(left)} of {len(programs)} programs are still loaded after "
                f"{_PATIENCE:.0f} s (ids {', '.join(map(str, left))}): something else holds them"
            )
        waiting(len(left), passed)
        time.sleep(_STEP)
    return Unloaded(there, len(programs))
