"""`hauberk-enforcer events`: records out of the kernel's ring, as alerts."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hauberk.enforcer import settings
from hauberk.enforcer import state as states
from hauberk.enforcer.alerts import Alert, Context, Pod, alerts_of
from hauberk.enforcer.faults import RefusedError
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import Record, unpack_record
from hauberk.enforcer.session import Places, Session, adopted
from hauberk.enforcer.state import Generation, Held, State
from hauberk.policy.model import Workload

_CONTAINER = re.compile(r"[0-9a-f]{64}")
_PATIENCE = 500  # ms


@dataclass(frozen=True, slots=True)
class Counts:
    """`alerts` were shown; the others since the programs were loaded."""

    alerts: int
    lost: int
    suppressed: int
    denied: int


@dataclass(slots=True)
class _Known:
    """Images of workloads as the state file has them; read again when it changes."""

    path: Path
    state: State = field(default_factory=State)
    stamp: tuple[int, int] | None = None
    images: dict[tuple[int, int], Image] = field(default_factory=dict[tuple[int, int], Image])

    def refresh(self) -> None:
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
        except FileNotFoundError:
            stamp = None
        if stamp != self.stamp or stamp is None:
            self.state, self.stamp = states.read(self.path) or State(), stamp
            self.images.clear()

    def image(self, slot: int, version: int) -> Image | None:
        generation = self._generation(slot, version)
        if generation is None and version:
            with states.locked(self.path):
                pass  # a load that has swapped the policy in, and not yet written it down, is over now
            self.refresh()
            generation = self._generation(slot, version)
        if generation is None:
            return None
        key = (slot, version)
        if key not in self.images:
            self.images[key] = encode(generation.compiled())
        return self.images[key]

    def _generation(self, slot: int, version: int) -> Generation | None:
        held = self.state.slots.get(slot)
        return held.of(version) if held else None

    def pod(self, record: Record) -> Pod:
        held = self.state.slots.get(record.slot)
        workload = held.now.workload if held else (Workload(None) if record.slot == 0 else None)
        return Pod(workload, _container(held, record.cgroup))


def _container(held: Held | None, cgroup: int) -> str:
    path = next((group.path for group in held.groups if group.id == cgroup), "") if held else ""
    found = _CONTAINER.search(path.rsplit("/", 1)[-1])
    return found[0] if found else path.rsplit("/", 1)[-1]


def run(places: Places, context: Context, show: Callable[[Alert], None], *, follow: bool) -> Counts:
    """Shows every alert that waits, and with `follow` those that come until it is interrupted.

    Raises:
        RefusedError: no programs are loaded.
        HauberkError: somebody else is reading.

    """
    from hauberk.enforcer.kernel.libbpf import Ring

    with adopted(places) as session:
        if session is None:
            raise RefusedError("no programs are loaded: `hauberk-enforcer load` loads them")
        busy = "another `hauberk-enforcer events` is reading: each record is read once"
        with states.locked(places.state, "events.lock", busy=busy):
            reader = _Reader(session, context, show, _Known(places.state))
            ring = Ring(session.records, reader.take)
            try:
                while True:
                    reader.known.refresh()
                    found = ring.poll(_PATIENCE if follow else 0)
                    if not follow and not found:
                        break
            except KeyboardInterrupt:
                pass
            finally:
                ring.close()
            return reader.counts()


class _Reader:
    def __init__(self, session: Session, context: Context, show: Callable[[Alert], None], known: _Known) -> None:
        self.known = known
        self._kernel = session.kernel
        self._context = context
        self._show = show
        self._alerts = 0

    def take(self, data: bytes) -> None:
        record = unpack_record(data)
        if record.slot == self._kernel.probe_slot:
            return  # the self-test's own
        image = self.known.image(record.slot, record.policy)
        for alert in alerts_of(record, image, self.known.pod(record), self._context):
            self._alerts += 1
            self._show(alert)

    def counts(self) -> Counts:
        from hauberk.enforcer.kernel.wire import Counter

        found = self._kernel.counters()
        return Counts(self._alerts, found[Counter.LOST], found[Counter.SUPPRESSED], found[Counter.DENIED])


def context_of(config: Path | None, others: Iterable[str] = ()) -> Context:
    """What alerts say of this node: from a file, else from the node itself; `others` are settings that are passed over.

    Raises:
        HauberkError: the file has something else in it, with its place.

    """
    return context_from(settings.read(config, others).alerts if config else {})


def context_from(given: Mapping[str, Any]) -> Context:
    """The same, with the settings of alerts that a file has."""
    constants: dict[str, str] = given.get("constants", {})
    return Context(
        booted, given.get("hostName") or socket.gethostname(), given.get("clusterName") or "default", constants
    )


def booted() -> int:
    """When this node booted, by its clock as it is now; in ns since the epoch."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
