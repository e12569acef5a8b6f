"""`hauberk-enforcer run`: the daemon of a node."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hauberk.enforcer import state as states
from hauberk.enforcer.alerts import Alert, Context
from hauberk.enforcer.groups import Tree
from hauberk.enforcer.kernel.wire import Counter, Record
from hauberk.enforcer.node.aim import Aim, Source
from hauberk.enforcer.node.applied import Applied, Applier, Tampering
from hauberk.enforcer.node.containers import Containers
from hauberk.enforcer.node.daemon import Daemon, Status
from hauberk.enforcer.node.folder import Folder
from hauberk.enforcer.node.hook import Door
from hauberk.enforcer.node.local import Local
from hauberk.enforcer.node.metrics import Gauges, Metrics
from hauberk.enforcer.node.notify import Notifier
from hauberk.enforcer.node.reading import Reading, Telling
from hauberk.enforcer.node.sinks import Sink, opened
from hauberk.enforcer.session import Places, at_work, refuse_if_lacking
from hauberk.policy.model import Posture

if TYPE_CHECKING:
    from hauberk.enforcer.cluster.reporter import Reporter
    from hauberk.enforcer.cri.watch import Watch
    from hauberk.enforcer.kernel.maps import Kernel

LOCK = "daemon.lock"
BUSY = "another `hauberk-enforcer run` is at work on this node"


@dataclass(frozen=True, slots=True)
class Options:
    """`paths` are a folder's policies; without any, they are the API server's that `kubeconfig` or the pod names."""

    paths: tuple[str, ...]
    kubeconfig: Path | None
    node: str
    labels: tuple[tuple[str, str], ...]
    posture: Posture
    context: Context
    alerts: str
    metrics: str | None
    observe: bool
    period: float
    rate: tuple[int, float]
    most_bytes: int
    lease_namespace: str
    jitter: float
    cri: str
    open_reports: bool
    places: Places
    programs: Path


def run(options: Options) -> None:
    """Until SIGTERM or SIGINT; enforcement goes on afterwards.

    Raises:
        RefusedError: this node cannot enforce.
        HauberkError: another daemon is at work, or a file of its own is damaged.

    """
    refuse_if_lacking()
    with ExitStack() as stack:
        _Run(options, stack).run()


class _Run:
    """Puts the parts together; what is opened is closed in the opposite order."""

    def __init__(self, options: Options, stack: ExitStack) -> None:
        from hauberk.enforcer.kernel import loader
        from hauberk.enforcer.kernel.pins import Pins
        from hauberk.enforcer.selftest import prove_a_denial

        self._options, self._notifier = options, Notifier()
        changed = threading.Event()
        self._runtime: Watch | None = None
        self._tampered = self._swaps = 0
        self._last: set[Tampering] = set()
        places, folder = options.places, options.places.state.parent
        if not places.pins.exists():
            loader.look_ahead()
        stack.enter_context(states.locked(places.state, LOCK, busy=BUSY))
        source, self._reporter = self._source(changed)
        stack.callback(source.end)
        with states.locked(places.state):
            before = states.read(places.state)
            aim = Aim(source, Containers(folder / "containers.json"), before or states.State(), changed)
            with aim.ahead():
                session = stack.enter_context(at_work(places, options.programs, most_bytes=options.most_bytes))
            self._kernel: Kernel = session.kernel
            if session.replaced:
                _log("replaced", programs=str(options.programs))
            pins = Pins(places.pins)
            stack.callback(pins.close)
            detached: set[str] = set()
            if before and not (session.fresh or session.replaced):
                detached = set(before.programs) - set(pins.attached())
            if detached:
                loader.load(options.programs, pins=places.pins).close()
                pins.renew()
            if not options.observe:
                self._kernel.set_observe(on=False)
            if not self._kernel.settings().observe:
                prove_a_denial(self._kernel, folder)
        self._kernel.set_rate(*options.rate)
        self._kernel.set_observe(on=options.observe)

        def reload() -> None:
            # not while somebody unloads
            with states.locked(places.state):
                if not (places.pins / "maps").is_dir():
                    # all of it was removed: only a new start makes it whole again
                    _log("unloaded", pins=str(places.pins))
                    self.daemon.end()
                    return
                loader.load(options.programs, pins=places.pins).close()
                pins.renew()

        def mended() -> Iterator[str]:
            with states.locked(places.state):
                yield from pins.mended()

        applier = Applier(self._kernel, places.state, pins.attached(), pins.attached, mended)
        applier.found += [Tampering("", f"program {name} was detached") for name in sorted(detached)]
        self._attached = pins.attached
        self.daemon = Daemon(aim, applier, self._told, reload)
        self._sink: Sink = opened(options.alerts)
        stack.callback(self._sink.close)
        if self._reporter is not None:
            self._reporter.start(self.daemon, applier, len(pins.attached()), observing=options.observe)
            stack.callback(self._reporter.end)
        telling = Telling(
            self.daemon.image, self.daemon.pod, options.context, self._sink, self._kernel.probe_slot, self._seen
        )
        stack.callback(Reading(session.records, telling.take).close)
        if options.metrics is not None:
            gauges = Gauges(self._numbers, self.daemon.is_alive, self.daemon.is_ready)
            stack.callback(Metrics(options.metrics, gauges).close)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._interrupted)
        stack.callback(Door(folder / "hook.sock", self._started).close)
        if options.cri:
            stack.callback(self._watch(options.cri).close)

    def _source(self, changed: threading.Event) -> tuple[Source, Reporter | None]:
        options = self._options
        if options.paths:
            return Local(Folder(options.paths), options.posture, options.labels), None
        from hauberk.enforcer.cluster.api import Api
        from hauberk.enforcer.cluster.reporter import Reporter
        from hauberk.enforcer.cluster.source import ClusterSource

        api = Api(options.kubeconfig)
        source = ClusterSource(api, options.node, options.posture, changed.set, Tree())
        where = (options.node, options.lease_namespace, options.jitter)
        return source, Reporter(api, source, *where, _unwritten, open_reports=options.open_reports)

    def _watch(self, socket: str) -> Watch:
        from hauberk.enforcer.cri.runtime import Runtime
        from hauberk.enforcer.cri.watch import Watch

        def said(trouble: str) -> None:
            _log("runtime", socket=socket, **({"trouble": trouble} if trouble else {"heard": True}))

        self._runtime = Watch(Runtime(socket), Tree(), self.daemon, said)
        self._runtime.start()
        return self._runtime

    def run(self) -> None:
        def ready() -> None:
            self._notifier.say("READY=1")
            _log("ready", programs=len(self._attached()))

        def beat() -> None:
            self._notifier.say("WATCHDOG=1")
            if self._reporter is not None and self.daemon.is_ready():
                self._reporter.beat()

        self.daemon.run(self._options.period, ready, beat)
        self._notifier.say("STOPPING=1")
        _log("stopped", alerts=self._sink.written, alerts_lost=self._sink.lost)

    def _started(self, state: Mapping[str, Any]) -> str:
        said = self.daemon.started(state)
        if said:
            # runtimes show of a hook that fails its exit code only
            _log("refused", container=str(state.get("id"))[:100], reason=said)
        return said

    def _interrupted(self, number: int, frame: object) -> None:  # noqa: ARG002  as the signal module calls it
        self.daemon.end()

    def _seen(self, record: Record, alert: Alert) -> None:
        if self._reporter is not None:
            self._reporter.alert(record, alert)

    def _told(self, status: Status, did: Applied) -> None:
        policies = {str(one.key): one.standing.value for one in status.standings}
        _log(
            "status",
            containers=status.containers,
            enforced=status.enforced,
            swapped=did.swapped,
            policies=policies if len(policies) <= _MOST_SAID else len(policies),
        )
        for one in status.standings:
            if one.failure:
                _log("policy", policy=str(one.key), standing=one.standing.value, reason=one.failure.text)
        for problem in status.problems:
            _log("problem", problem=problem)
        for name, failure in status.failed.items():
            _log("failed", container=name, reason=failure.text)
        self._swaps += did.swapped
        self._tampered += len(set(status.tampered) - self._last)
        self._last = set(status.tampered)
        for found in status.tampered:
            _log("tampered", found=str(found))
        if self._reporter is not None:
            self._reporter.tell(status)

    def _numbers(self) -> dict[tuple[str, str], float]:
        status, counters = self.daemon.status, self._kernel.counters()
        found: dict[tuple[str, str], float] = {
            ("tampered_total", "Things in the kernel that somebody changed."): self._tampered,
            ("swaps_total", "Policies of workloads that were swapped."): self._swaps,
            ("containers", "Containers of this node that are known."): status.containers,
            ("enforced_containers", "Those that a policy confines."): status.enforced,
            ("policies", "Policies that are known."): len(status.standings),
            ("policies_not_enforced", "Those that are not enforced as they are."): sum(
                one.failure is not None for one in status.standings
            ),
            ("alerts_written_total", "Alerts that were written."): self._sink.written,
            ("alerts_lost_total", "Alerts that could not be written."): self._sink.lost,
        }
        for counter in Counter:
            name = f"kernel_{counter.name.lower()}_total"
            found[name, f"The kernel's count of {counter.name}, see bpf/wire.h."] = counters[counter]
        if self._reporter is not None:
            found |= self._reporter.numbers()
        if self._runtime is not None:
            found["runtime_heard", "1 when the container runtime answers."] = float(not self._runtime.trouble)
        return found


_MOST_SAID = 50


def _unwritten(reason: str) -> None:
    if reason:
        _log("unwritten", reason=reason)
    else:
        _log("written", what="all that was missing in the API")


def _log(event: str, **fields: Any) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"time": at, "event": event, **fields}, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201
