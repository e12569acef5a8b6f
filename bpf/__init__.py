"""The BPF programs: their sources, and the object made of them that is loaded."""

from __future__ import annotations

from pathlib import Path


def object_path() -> Path:
    """The compiled programs, one object for all kernels from 6.1 on."""
    return Path(__file__).with_name("hauberk.bpf.o")
