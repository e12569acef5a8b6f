"""Commands beside the main job: the catalogue, single decisions, the canonical form, schemas."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Optional

import typer

from hauberk.cli.app.base import FINDINGS, USAGE, ListFormat, ModelName, app, examples
from hauberk.policy.problems import HauberkError


@app.command(epilog=examples("hauberk rules", "hauberk rules HB304", "hauberk rules --format json"))
def rules(
    rule: Annotated[Optional[str], typer.Argument(metavar="ID", help="A rule to explain.")] = None,  # noqa: UP045
    format_: Annotated[ListFormat, typer.Option("--format", help="Form of the list.")] = ListFormat.TEXT,
    sources: Annotated[
        bool, typer.Option("--sources", help="Print the folder of the Rego sources instead: main.rego, lib, rules.")
    ] = False,
) -> None:
    """List the catalogue of rules, or explain one of them."""
    from hauberk.cli.commands import rules as command

    if sources:
        typer.echo(command.sources(), nl=False)
        return
    typer.echo(command.explain(rule) if rule else command.listing(format_.value), nl=False)


@app.command(epilog=examples("hauberk decide --cases cases.jsonl --model kubearmor --root policies/"))
def decide(
    cases: Annotated[str, typer.Option(metavar="FILE|-", help="JSON lines, one case a line.")] = "-",
    model: Annotated[ModelName, typer.Option(help="Which model decides.")] = ModelName.HAUBERK,
    root: Annotated[Path | None, typer.Option(help="Folder of the policies that cases name by file.")] = None,
) -> None:
    """Decide accesses: JSON lines in, one line of verdicts for each."""
    from hauberk.cli.commands import decide as command
    from hauberk.policy.model import Model

    try:
        with nullcontext(sys.stdin) if cases == "-" else Path(cases).open(encoding="utf-8") as lines:
            for line in command.run(lines, Model(model.value), root):
                sys.stdout.write(line + "\n")
    except UnicodeDecodeError as error:
        raise HauberkError(f"{cases}: not UTF-8: {error.reason} at byte {error.start}") from None


@app.command(epilog=examples("hauberk fmt policies/", "hauberk fmt --check ."))
def fmt(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 when a file is not in canonical form.")
    ] = False,
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
) -> None:
    """Write policies in canonical field order and indentation; comments stay."""
    from hauberk.cli import config as settings
    from hauberk.cli.commands import fmt as command

    loaded = settings.load(settings.find(config, Path.cwd()))
    result = command.run(paths or ["."], write_files=not check, exclude=loaded.exclude)
    for path in result.changed:
        typer.echo(f"{path}: {'is not in canonical form' if check else 'formatted'}")
    for note in result.notes:
        typer.echo(note, err=True)
    typer.echo(f"{len(result.changed)} changed, {result.unchanged} unchanged", err=True)
    if result.failed:
        raise typer.Exit(USAGE)
    raise typer.Exit(FINDINGS if check and result.changed else 0)


@app.command("schema")
def schema_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="config|facts|test|KIND",
            help="hauberk.yaml, the facts that rules read, PolicyTest, or a policy kind.",
        ),
    ],
) -> None:
    """Print a JSON Schema: of hauberk.yaml, the facts, PolicyTest or a policy kind."""
    from hauberk.cli.commands import schema as command

    typer.echo(command.run(what), nl=False)
