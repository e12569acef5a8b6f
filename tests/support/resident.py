"""`hauberk-enforcer` in a guest, whose processor takes some seconds to import what it needs: once for all commands."""

from __future__ import annotations

import base64
import json

from support import ROOT
from support.commands import Background, Finished
from support.guest import Guest

_INSIDE = ROOT / "tests/guest/inside/resident.py"
_AT = "/hauberk/resident.py"
_kept: dict[int, tuple[Guest, Background, int]] = {}


def enforcer(guest: Guest, *arguments: str, timeout: float = 300) -> Finished:
    """Runs the command to its end, in a process of its own."""
    if id(guest) not in _kept or _kept[id(guest)][0] is not guest:
        guest.put(_AT, _INSIDE.read_bytes())
        started = guest.start(["python3", _AT], input=None)
        _kept[id(guest)] = (guest, started, len(started.until(b"ready\n")))
    _, started, seen = _kept[id(guest)]
    started.send(json.dumps(arguments).encode() + b"\n")
    line = started.line(seen, timeout)
    _kept[id(guest)] = (guest, started, seen + len(line))
    answer = json.loads(line)
    stdout, stderr = (base64.b64decode(text) for text in answer["outputs"])
    return Finished(answer["code"], stdout, stderr)
