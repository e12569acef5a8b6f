"""What the commands share: the application, exit codes, choices.

Imports of what does the work are inside the commands: help and completion must not pay for YAML, engines or validators.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hauberk.cli.version import version_line

FINDINGS, USAGE = 1, 2

app = typer.Typer(
    name="hauberk",
    help="Says what KubeArmor-style runtime policies really do, before the merge and on the node.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def examples(*commands: str) -> str:
    r"""Text below a command's help; \\b keeps its lines apart."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class ListFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class DiffFailOn(StrEnum):
    WIDENED = "widened"
    ANY = "any"
    NONE = "none"


class ModelName(StrEnum):
    HAUBERK = "hauberk"
    KUBEARMOR = "kubearmor"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_line())
        raise typer.Exit


@app.callback()
def _root(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
