"""One run of `hauberk lint`: reads, lints, mends, reports; returns the exit code."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import typer

from hauberk.cli.cache import cache_folder
from hauberk.cli.commands import lint
from hauberk.cli.config import Config
from hauberk.cli.files import write
from hauberk.cli.finding import Report
from hauberk.cli.output.visible import visible
from hauberk.cli.progress import progress
from hauberk.cli.report import coloured, emit
from hauberk.cli.sources import inside


@dataclass(frozen=True, slots=True)
class Options:
    paths: tuple[str, ...]
    config: Config
    format: str
    output: Path | None
    write_baseline: Path | None
    new_since: str | None
    fix: bool
    unsafe: bool
    exact: bool
    jobs: int
    cache: bool
    allow_none: bool


def run(options: Options) -> int:
    request = lint.Request(
        options.config,
        options.jobs,
        # which rules a server has, only it knows
        cache_folder() if options.cache and options.config.engine != "server" else None,
        dt.datetime.now(tz=dt.UTC).date(),
        progress("linting", "files"),
        whole=_whole(options),
        exact=options.exact,
    )
    if options.fix:
        _mend(options, request)
    report = lint.lint_paths(options.paths, request, allow_none=options.allow_none)
    for note in report.notes:
        typer.echo(f"note: {visible(note)}", err=True)
    for reason in report.refused:
        typer.echo(f"hauberk: {visible(reason)}", err=True)
    if options.write_baseline is not None:
        write(options.write_baseline, lint.baseline_text(report))
        typer.echo(f"{options.write_baseline}: {len(report.findings)} findings are known from now on", err=True)
        for error in report.errors:
            typer.echo(f"hauberk: {visible(error.path)}:{error.line}: {visible(error.reason)}", err=True)
        return lint.exit_code(replace(report, findings=[]), options.config.fail_on)
    if options.config.baseline is not None:
        report = lint.without_known(report, lint.read_baseline(Path(options.config.baseline)))
    if options.new_since is not None:
        from hauberk.cli.commands import since  # needs git

        report = lint.without_known(report, since.known_at(options.new_since, options.paths, request))
    _show(report, options)
    return lint.exit_code(report, options.config.fail_on)


def _whole(options: Options) -> bool:
    folder = os.path.realpath(os.path.dirname(options.config.path))  # noqa: PTH120  # "" stands for no file
    return any(inside(folder, os.path.realpath(path)) for path in options.paths)


def _show(report: Report, options: Options) -> None:
    if options.format == "text":
        from hauberk.cli.output import text

        rendered = text.render(report, colour=coloured(options.output))
    else:
        rendered = import_module(f"hauberk.cli.output.{options.format}").render(report)
    emit(rendered, options.output)


def _mend(options: Options, request: lint.Request) -> None:
    from hauberk.cli.commands.fix import mend

    mended = mend(options.paths, request, unsafe=options.unsafe)
    for path, text, count in mended:
        write(path, text)
        typer.echo(f"{path}: {count} fixed", err=True)
