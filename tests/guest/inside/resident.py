"""Runs `hauberk-enforcer` again and again in a guest without paying for its imports: a fork for each command line.

One JSON line of arguments in, one of exit code and outputs out.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from importlib import import_module

from hauberk.enforcer.main import main

for name in (
    *("alerts", "boundary", "output.json", "output.text", "kernel.maps", "selftest"),
    *(f"commands.{command}" for command in ("check", "dump", "events", "load", "unload")),
):
    import_module(f"hauberk.enforcer.{name}")

OUTPUTS = (1, 2)


def run(arguments: list[str]) -> dict[str, object]:
    files = [tempfile.TemporaryFile() for _ in OUTPUTS]  # noqa: SIM115  closed below
    child = os.fork()
    if not child:
        for file, number in zip(files, OUTPUTS, strict=True):
            os.dup2(file.fileno(), number)
        sys.argv = ["hauberk-enforcer", *arguments]
        main()
        os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts: list[str] = []
    for file in files:
        file.seek(0)
        texts.append(base64.b64encode(file.read()).decode())
        file.close()
    return {"code": code, "outputs": texts}


print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
