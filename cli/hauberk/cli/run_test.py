"""One run of `hauberk test`, or one after each change."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import typer

from hauberk.cli import sources
from hauberk.cli.commands import test
from hauberk.cli.config import Config
from hauberk.cli.output import tests
from hauberk.cli.report import coloured, emit
from hauberk.policy.model import Posture
from hauberk.policy.problems import HauberkError

_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    paths: tuple[str, ...]
    config: Config
    format: str
    output: Path | None


def run(options: Options) -> int:
    """0 when all expectations hold, 1 when one does not, 2 when a test cannot run."""
    result = test.run(options.paths, Posture(**(options.config.posture or {})), options.config.exclude)
    match options.format:
        case "json":
            text = tests.as_json(result)
        case "junit":
            text = tests.as_junit(result)
        case _:
            text = tests.as_text(result, colour=coloured(options.output))
    emit(text, options.output)
    return 2 if result.broken else int(bool(result.failed))


def watched(options: Options) -> int:
    """Runs now and after each change of a file; ends only when interrupted."""
    seen: dict[str, tuple[int, int]] | None = None
    while True:
        now = _state(options)
        if now != seen:
            seen = now
            try:
                run(options)
            except HauberkError as error:
                typer.echo(f"hauberk: {error}", err=True)
        time.sleep(_EVERY)


def _state(options: Options) -> dict[str, tuple[int, int]]:
    state: dict[str, tuple[int, int]] = {}
    for name in sources.find(options.paths, markdown=False, exclude=options.config.exclude):
        try:
            status = os.stat(name)  # noqa: PTH116  # a file may go between the two
        except OSError:
            continue
        state[name] = (status.st_mtime_ns, status.st_size)
    return state
