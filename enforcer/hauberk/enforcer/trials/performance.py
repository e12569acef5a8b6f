"""Has a deed done under a policy of its own: by a fresh actor, in a fresh root file system, in a cgroup for tests.

Before it acts, each actor must be denied a file by a rule that names its source: whoever acts is confined, and the
kernel knows it as the program that the test means. Everything else would let accesses pass that nobody judged.
"""

from __future__ import annotations

import base64
import errno
import os
import platform
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.libbpf import Map
from hauberk.enforcer.kernel.maps import CGROUPS, Kernel, cgroup_of
from hauberk.enforcer.kernel.wire import SLOT, Counter, Operation, Record
from hauberk.enforcer.trials.actors import Actor, NotRunError, Troupe, tools
from hauberk.enforcer.trials.deeds import Deed
from hauberk.enforcer.trials.elf import exiting, loader_of
from hauberk.enforcer.trials.found import Seen
from hauberk.enforcer.trials.ring import OverrunError, View
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import (
    NO_FLAGS,
    Action,
    Kind,
    Level,
    Model,
    Policy,
    Posture,
    Program,
    Rule,
    Selector,
    Workload,
)
from hauberk.policy.problems import HauberkError

_HERE = Path(__file__).parent
_TOOLS = ("unshare", "mount", "pivot_root", "umount")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE = 60.0
_DIE = 5.0
_STEP = 0.01
_RATE = struct.Struct("<QII")
_WORKLOAD = Workload("hauberk-test")
_SAID = 300


@dataclass(frozen=True, slots=True)
class Stand:
    """A cgroup whose tasks belong to the slot for probes; `aside` is a name that no test means."""

    kernel: Kernel
    rates: Map
    view: View
    group: Path
    aside: str
    troupe: Troupe
    program: bytes
    loader: str

    def perform(self, deed: Deed, image: Image) -> Seen:
        """What came of it under the policy of `image`.

        Raises:
            NotRunError: nothing can be said, and why.

        """
        try:
            with self.troupe.actor(deed) as actor:
                return self._ask(actor, deed, image)
        finally:
            self.kernel.clear_policy(self.kernel.probe_slot)

    def _ask(self, actor: Actor, deed: Deed, image: Image) -> Seen:
        canary = f"/{self.aside}-canary"
        actor.ask(
            {
                **asdict(deed),
                "canary": canary,
                "program": base64.b64encode(self.program).decode(),
                # a program that starts itself again needs its loader, which is the node's no more
                "loader": self.loader if deed.target == deed.source else "",
            }
        )
        lost = self.kernel.counters()[Counter.LOST]
        self._prove(actor, deed, canary)
        self._forget_rates()
        self.kernel.set_policy(self.kernel.probe_slot, image)
        number = actor.ask()["errno"]
        records = self._records()
        self.kernel.clear_policy(self.kernel.probe_slot)
        actor.ended()
        if self.kernel.counters()[Counter.LOST] > lost:
            raise NotRunError("the ring of reports is full: `hauberk-enforcer events` empties it")
        if any(_left_out(self.rates.get(key)) for key in self._own_rates()):
            raise NotRunError("the kernel left reports out: load with a higher --rate")
        return Seen(number, tuple(records))

    def _prove(self, actor: Actor, deed: Deed, canary: str) -> None:
        sources = (deed.source,) if deed.source else ()
        rule = Rule("file", "matchPaths", 0, "file", Program(canary), sources, NO_FLAGS, Action.BLOCK.value, Level.SPEC)
        policy = Policy(Kind.POLICY, "canary", _WORKLOAD.namespace, Selector(), (rule,))
        image = encode(compile_policies(Model.HAUBERK, [policy], _WORKLOAD, Posture()))
        self._records()
        self._forget_rates()
        self.kernel.set_policy(self.kernel.probe_slot, image)
        number = actor.ask()["errno"]
        seen = [record for record in self._records() if record.op is Operation.READ and record.resource == canary]
        program = seen[0].program if seen else ""
        if number != errno.EACCES or (program != deed.source if deed.source else program.startswith("/")):
            known = f", and the kernel calls it {program}" if program else ""
            what = os.strerror(number) if number else "not denied"
            raise NotRunError(f"the actor is not confined as {deed.source or 'unknown'}: its file is {what}{known}")

    def _records(self) -> list[Record]:
        try:
            found = self.view.since()
        except OverrunError:
            raise NotRunError("more reports came than the ring of records holds") from None
        group = cgroup_of(self.group)[0]
        return [record for record in found if record.slot == self.kernel.probe_slot and record.cgroup == group]

    def _forget_rates(self) -> None:
        """What tests before this one reported does not count against it."""
        for key in self._own_rates():
            self.rates.delete(key)

    def _own_rates(self) -> list[bytes]:
        return [key for key in self.rates.keys() if SLOT.unpack_from(key)[0] == self.kernel.probe_slot]  # noqa: SIM118


def _left_out(rate: bytes | None) -> int:
    """`struct rate` of bpf/lib/walk.bpf.h."""
    return int(_RATE.unpack(rate)[2]) if rate else 0


def empty(group: Path) -> None:
    """Kills what is left in a cgroup, and waits until nothing is."""
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1", encoding="ascii")
    until = time.monotonic() + _DIE
    while (group / "cgroup.procs").read_text(encoding="ascii") and time.monotonic() < until:
        time.sleep(_STEP)


@contextmanager
def stand(kernel: Kernel, records: Map, rates: Map, aside: str) -> Generator[Stand]:
    """Where deeds are done; nothing of it is left afterwards."""
    found = tools()
    program = exiting(platform.machine())
    if program is None:
        raise HauberkError(f"{platform.machine()}: tests are done for real on x86_64 and aarch64 only")
    with Path("/proc/self/exe").open("rb") as file:
        loader = loader_of(file.read()) or ""
    slot = kernel.probe_slot
    view = View(records)
    group = CGROUPS / aside.removeprefix(".")
    group.mkdir()
    try:
        with _opened(group) as entrance, Troupe(found, entrance, aside) as troupe:
            number, _ = cgroup_of(group)
            try:
                kernel.register(group, slot)
                yield Stand(kernel, rates, view, group, aside, troupe, program, loader)
            finally:
                kernel.clear_policy(slot)
                kernel.unregister(number)
    finally:
        view.close()
        empty(group)
        group.rmdir()


@contextmanager
def _opened(group: Path) -> Generator[int]:
    entrance = os.open(group / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        yield entrance
    finally:
        os.close(entrance)
