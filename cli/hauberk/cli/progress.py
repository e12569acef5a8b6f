"""How far a run is, on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import typer

Progress = Callable[[int, int], None]


def progress(doing: str, what: str) -> Progress:
    """Says on standard error how far a run is, once it has taken two seconds; only on a terminal."""
    start, last = time.monotonic(), 0.0

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if sys.stderr.isatty() and now - start > 2 and now - last > 0.2:
            last = now
            end = "\r\x1b[K" if done >= total else ""
            typer.echo(f"\r{doing} {done}/{total} {what}{end}", nl=False, err=True)

    return show
