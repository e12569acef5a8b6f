"""Small static programs that guests run, compiled here."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from support import ROOT, missing

INSIDE = ROOT / "tests/guest/inside"
OBJECT = "/opt/hauberk/python/hauberk/bpf/hauberk.bpf.o"
"""The BPF programs, where guests have them."""


@cache
def compiled(source: str) -> bytes:
    """The program of a file of tests/guest/inside, linked so that it needs no other file when it runs."""
    compiler = shutil.which("gcc")
    if compiler is None:
        missing("gcc is not installed: Debian's gcc and libc6-dev")
    output = Path(mkdtemp(prefix="hauberk-program-")) / "program"
    options = ["-nostdlib"] if source.endswith(".S") else ["-O1", "-Wall", "-Werror"]
    try:
        subprocess.run([compiler or "gcc", "-static", *options, "-o", output, INSIDE / source], check=True)
        return output.read_bytes()
    finally:
        shutil.rmtree(output.parent)
