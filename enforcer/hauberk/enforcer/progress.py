"""What a command waits for, once it has waited long enough to be asked."""

from __future__ import annotations

from collections.abc import Callable

import typer

_QUIET = 2.0
_EVERY = 1.0


def waiting() -> Callable[[int, float], None]:
    """Says on standard error what unloading waits for: after two seconds, then once a second."""
    said = _QUIET - _EVERY

    def show(programs: int, seconds: float) -> None:
        nonlocal said
        if seconds >= said + _EVERY:
            said = seconds
            typer.echo(f"waiting for the kernel to free {programs} programs ({seconds:.0f} s)", err=True)

    return show


def trying() -> Callable[[int, int, float], None]:
    """Says on standard error how far tests are: after two seconds, then once a second."""
    said = _QUIET - _EVERY

    def show(done: int, total: int, seconds: float) -> None:
        nonlocal said
        if seconds >= said + _EVERY:
            said = seconds
            typer.echo(f"tried {done} of {total} ({seconds:.0f} s)", err=True)

    return show
