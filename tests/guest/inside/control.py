"""Runs in a guest: loads the programs, then does what lines of JSON on standard input ask, one answer a line.

usage: python3 control.py OBJECT

{"register": cgroup, "slot": n}  {"set": [documents], "posture": {...}, "slot": n, "workload": {...}}  {"clear": n}
{"records": true}  {"counters": true}  {"rate": [n, seconds]}  {"unload": true}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hauberk.enforcer.kernel import libbpf, loader
from hauberk.enforcer.kernel.encode import encode
from hauberk.enforcer.kernel.maps import Kernel
from hauberk.enforcer.kernel.wire import Record, unpack_record
from hauberk.policy.decision import compile_policies
from hauberk.policy.model import Model
from hauberk.policy.parse import parse_policy, parse_posture, parse_workload


class Control:
    def __init__(self, object_file: Path) -> None:
        self.programs = loader.load(object_file)
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
                policies = [policy for document in documents if (policy := parse_policy(document))]
                compiled = compile_policies(Model.HAUBERK, policies, parse_workload(workload), parse_posture(posture))
                image = encode(compiled)
                kernel.set_policy(slot, image)
                return kernel.holds(slot, image)
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


def main() -> None:
    control = Control(Path(sys.argv[1]))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(control.answer(json.loads(line))), flush=True)


main()
