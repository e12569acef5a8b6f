"""What commands that make files do with them: print, compare with a folder, or write into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from hauberk.cli.gitops.folder import Command, differences, replace
from hauberk.cli.gitops.objects import File, texts


def write_into(folder: str, files: Sequence[File], command: Command) -> int:
    """Makes them the command's files in the folder, says how many changed; returns the exit code."""
    found = replace(Path(folder), texts(files, command), command)
    written = len(found.changed) + len(found.missing)
    typer.echo(
        f"{folder}: {written} files written, {len(found.extra)} removed, {len(files) - written} unchanged", err=True
    )
    return 0


def check(
    given: str, files: Sequence[File], command: Command, as_there: Callable[[File, Path], File] = lambda file, _: file
) -> int:
    """1 when the folder is not what would be written; `as_there` gives a file what need not be the same."""
    folder = Path(given)
    found = differences(folder, texts([as_there(file, folder) for file in files], command), command)
    for names, what in ((found.changed, "differs"), (found.missing, "is missing"), (found.extra, "belongs no longer")):
        for name in names:
            typer.echo(f"{folder / name}: {what}")
    if found.none:
        return 0
    count = len(found.changed) + len(found.missing) + len(found.extra)
    typer.echo(f"{given}: {count} of its files are not what `hauberk {command}` writes", err=True)
    return 1
