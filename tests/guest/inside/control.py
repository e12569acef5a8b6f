"""Runs in a guest: loads the programs, then does what lines of JSON on standard input ask, one answer a line.

usage: python3 control.py OBJECT [adopt|SIZES]

With `adopt`, takes over what is loaded; SIZES are those of loader.Sizes, as JSON.

{"register": cgroup, "slot": n}  {"set": [documents], "posture": {...}, "slot": n, "workload": {...}}  {"clear": n}
{"records": true}  {"counters": true}  {"rate": [n, seconds]}  {"unload": true}
{"holds": [documents], ...as set}  {"upgrade": bits of Fault}  {"programs": true}  {"most_bytes": n}
{"attempt": {...another}}: what it raised
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hauberk.enforcer.kernel import libbpf, loader
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.errors import KernelError, TooLargeError
from hauberk.enforcer.kernel.image import Image
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.enforcer.kernel.wire import Fault, Record, unpack_record
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model
from hauberk.policy.parse import parse_policy, parse_posture, parse_workload


class Control:
    def __init__(self, object_file: Path, how: str = "{}") -> None:
        self.object_file = object_file
        if how == "adopt":
            self.programs = loader.adopt()
        else:
            self.programs = loader.load(object_file, sizes=loader.Sizes(**json.loads(how)))
        self.kernel = Kernel(self.programs)
        self.kernel.set_rate(0, 1)
        self.records: list[Record] = []
        self.ring = libbpf.Ring(self.programs.maps["records"], self._record)

    def _record(self, data: bytes) -> None:
        self.records.append(unpack_record(data))

    def answer(self, asked: dict[str, Any]) -> Any:
        kernel = self.kernel
        match asked:
            case {"register": cgroup, "slot": slot}:
                Path(cgroup).mkdir(exist_ok=True)
                kernel.register(Path(cgroup), slot)
            case {"set": documents, "posture": posture, "slot": slot, "workload": workload}:
                image = image_of(documents, posture, workload)
                kernel.set_policy(slot, image)
                return kernel.holds(slot, image)
            case {"holds": documents, "posture": posture, "slot": slot, "workload": workload}:
                return kernel.holds(slot, image_of(documents, posture, workload))
            case {"upgrade": fault}:
                # the ring that is read is the one that the new programs take over
                self.programs = loader.load(self.object_file, fault=Fault(fault))
                self.kernel = Kernel(self.programs)
            case {"most_bytes": bound}:
                self.kernel = Kernel(self.programs, most_bytes=bound)
            case {"attempt": other}:
                try:
                    self.answer(other)
                except (KernelError, TooLargeError) as error:
                    return {"error": type(error).__name__, "text": str(error)}
            case {"programs": _}:
                return loader.program_ids()
            case {"clear": slot}:
                kernel.clear_policy(slot)
            case {"rate": [burst, seconds]}:
                kernel.set_rate(burst, seconds)
            case {"records": _}:
                self.records.clear()
                while self.ring.poll(0):
                    pass
                return [
                    [r.reason.name, r.op.name, r.result, r.resource, r.program, r.parent, r.suppressed]
                    for r in self.records
                ]
            case {"counters": _}:
                return {counter.name: value for counter, value in kernel.counters().items()}
            case {"unload": _}:
                return loader.unload()
            case _:
                raise ValueError(f"not understood: {asked}")
        return True


def image_of(documents: list[dict[str, Any]], posture: dict[str, str], workload: dict[str, Any]) -> Image:
    policies = [policy for document in documents if (policy := parse_policy(document))]
    return encode(compile_policies(Model.HAUBERK, policies, parse_workload(workload), parse_posture(posture)))


def main() -> None:
    control = Control(Path(sys.argv[1]), *sys.argv[2:])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(control.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
