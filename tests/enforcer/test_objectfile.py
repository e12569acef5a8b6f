"""What is no whole object of BPF code is said before libbpf is asked."""

from __future__ import annotations

import sys
from pathlib import Path

from hauberk.enforcer.objectfile import fault
from support import ROOT

OBJECT = (ROOT / "bpf/hauberk.bpf.o").read_bytes()


def test_ours_is_whole() -> None:
    assert fault(OBJECT) == ""


def test_one_that_is_cut_short() -> None:
    for size in (0, 1, 63, 64, 1000, len(OBJECT) - 1):
        assert fault(OBJECT[:size])
    assert "is cut short" in fault(OBJECT[:1000])


def test_others() -> None:
    assert fault(b"#!/bin/sh\n" * 100) == "is no 64-bit little-endian ELF file"
    assert "another machine" in fault(Path(sys.executable).resolve().read_bytes())
