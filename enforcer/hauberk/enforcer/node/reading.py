"""The kernel's records -> alerts, in a thread of its own: a burst of them keeps nothing else waiting."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hauberk.enforcer.alerts import Alert, Context, Pod, alerts_of
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.wire import Record, unpack_record
from hauberk.enforcer.node.sinks import Sink

if TYPE_CHECKING:
    from hauberk.enforcer.kernel.libbpf import Map

_PATIENCE = 500  # ms

ImageOf = Callable[[int, int], Image | None]
PodOf = Callable[[Record], Pod]


class Telling:
    """A record -> its alerts, written; `seen` gets each of them afterwards."""

    def __init__(
        self,
        image: ImageOf,
        pod: PodOf,
        context: Context,
        sink: Sink,
        probe: int,
        seen: Callable[[Record, Alert], None] | None = None,
    ) -> None:
        self._image, self._pod, self._context, self._sink, self._probe = image, pod, context, sink, probe
        self._seen = seen

    def take(self, data: bytes) -> None:
        """A record as the kernel wrote it."""
        try:
            self._handle(data)
        except Exception:  # noqa: BLE001  one record that cannot be told is lost, and not all that follow
            self._sink.lost += 1

    def _handle(self, data: bytes) -> None:
        record = unpack_record(data)
        if record.slot == self._probe:
            return
        for alert in alerts_of(record, self._image(record.slot, record.policy), self._pod(record), self._context):
            self._sink.write(json.dumps(alert, ensure_ascii=False, separators=(",", ":")))
            if self._seen:
                self._seen(record, alert)


class Reading:
    """Reads the ring until it is closed."""

    def __init__(self, records: Map, take: Callable[[bytes], None]) -> None:
        from hauberk.enforcer.kernel.libbpf import Ring

        self._ring = Ring(records, take)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read, name="alerts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """After all that waits in the ring."""
        self._ends.set()
        self._thread.join()
        while self._ring.poll(0):
            pass
        self._ring.close()

    def _read(self) -> None:
        while not self._ends.is_set():
            self._ring.poll(_PATIENCE)
