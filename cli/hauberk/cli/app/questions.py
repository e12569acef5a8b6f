"""Commands that ask what policies allow: explain, diff, matrix, test."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from hauberk.cli.app.base import DiffFailOn, ListFormat, ModelName, app, examples
from hauberk.policy.problems import HauberkError


@app.command(
    epilog=examples(
        "hauberk explain examples/nginx/corrected --exec /usr/bin/ls --from /usr/bin/bash",
        "hauberk explain . --workload web/nginx --write /etc/nginx/nginx.conf --from /usr/bin/vi",
    )
)
def explain(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,
    workload: Annotated[
        str | None, typer.Option(help="Name of the workload, or a part of it that is the only one.")
    ] = None,
    exec_: Annotated[Optional[str], typer.Option("--exec", metavar="PROGRAM", help="Start this program.")] = None,  # noqa: UP045
    read: Annotated[Optional[str], typer.Option(metavar="FILE", help="Open this file for reading.")] = None,  # noqa: UP045
    write: Annotated[Optional[str], typer.Option(metavar="FILE", help="Open this file for writing.")] = None,  # noqa: UP045
    modify: Annotated[str | None, typer.Option(metavar="FILE", help="Create, delete, rename, chmod this file.")] = None,
    connect: Annotated[Optional[str], typer.Option(metavar="tcp|udp|icmp|raw|...", help="Open a socket.")] = None,  # noqa: UP045
    resolve: Annotated[Optional[str], typer.Option(metavar="NAME", help="Ask DNS for this name.")] = None,  # noqa: UP045
    capability: Annotated[Optional[str], typer.Option(metavar="NAME", help="Use this capability.")] = None,  # noqa: UP045
    from_: Annotated[Optional[str], typer.Option("--from", metavar="PROGRAM", help="The program that does it.")] = None,  # noqa: UP045
    parent: Annotated[
        str | None,
        typer.Option(metavar="PROGRAM", help="Its parent: KubeArmor asks that for --exec. [default: --from]"),
    ] = None,
    how: Annotated[
        str | None, typer.Option(metavar="create|delete|rename|link|truncate|chmod|chown", help="With --modify.")
    ] = None,
    arg: Annotated[list[str] | None, typer.Option(help="Arguments of --exec, argv[0] first; may be repeated.")] = None,
    uid: Annotated[int, typer.Option(help="User of the program.")] = 0,
    owner: Annotated[int, typer.Option(help="Owner of the file.")] = 0,
    tty: Annotated[bool, typer.Option("--tty", help="The program has a terminal.")] = False,
    posture: Annotated[
        str | None, typer.Option(metavar="audit|block", help="Posture instead of the one that the files give.")
    ] = None,
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
    format_: Annotated[ListFormat, typer.Option("--format", help="Form of the answer.")] = ListFormat.TEXT,
) -> None:
    """Say why an access is allowed or denied, and what would change it."""
    from hauberk.cli import config as settings
    from hauberk.cli.commands import explain as command
    from hauberk.cli.opened import open_repository
    from hauberk.cli.output import explanation as output
    from hauberk.cli.report import coloured
    from hauberk.policy.described import access_of
    from hauberk.policy.model import Posture

    loaded = settings.load(settings.find(config, Path.cwd()))
    opened = open_repository(paths or ["."], loaded.exclude)
    wanted = {"exec": exec_, "read": read, "write": write, "modify": modify, "network": connect, "dns": resolve}
    wanted["capability"] = capability
    access = access_of(
        {op: value for op, value in wanted.items() if value is not None},
        source=from_,
        parent=parent,
        how=how,
        args=tuple(arg or ()),
        uid=uid,
        owner=owner,
        tty=tty,
    )
    if posture not in (None, "audit", "block"):
        raise HauberkError(f"--posture {posture}: give audit or block")
    target = opened.repository.target(workload)
    held = opened.repository.posture(target, Posture(**(loaded.posture or {})), posture)
    answer = command.explain(opened, target, held, access)
    for name in opened.broken:
        typer.echo(f"note: {name} cannot be read whole: `hauberk lint {name}` says why", err=True)
    json_wanted = format_ is ListFormat.JSON
    typer.echo(output.as_json(answer) if json_wanted else output.as_text(answer, colour=coloured()), nl=False)


class DiffFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"


@app.command(
    epilog=examples(
        "hauberk diff                       # merge base with the upstream branch -> working tree",
        "hauberk diff main policies/",
        "hauberk diff v1.0..v1.1 --format markdown",
        "hauberk diff --from old/ --to new/",
        "hauberk diff --from-model kubearmor --to-model hauberk policies/",
        "hauberk diff --environment staging production policies/",
    )
)
def diff(
    arguments: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="BASE[..HEAD] PATH", help="Git revisions, then files or folders."),
    ] = None,
    from_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from", metavar="DIR", help="With --to: compare two folders."),
    ] = None,
    to: Annotated[Optional[str], typer.Option(metavar="DIR", help="With --from: compare two folders.")] = None,  # noqa: UP045
    environment: Annotated[
        Optional[tuple[str, str]],  # noqa: UP045
        typer.Option(metavar="A B", help="Compare two environments of hauberk.yaml."),
    ] = None,
    from_model: Annotated[ModelName, typer.Option(help="Model of the first side.")] = ModelName.HAUBERK,
    to_model: Annotated[ModelName, typer.Option(help="Model of the second side.")] = ModelName.HAUBERK,
    format_: Annotated[DiffFormat, typer.Option("--format", help="Form of the report.")] = DiffFormat.TEXT,
    output: Annotated[Optional[Path], typer.Option(help="File to write the report to.")] = None,  # noqa: UP045
    fail_on: Annotated[DiffFailOn, typer.Option(help="Which changes make exit code 1.")] = DiffFailOn.WIDENED,
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Settings. [default: the nearest hauberk.yaml]"),
    ] = None,
) -> None:
    """Say what two revisions allow differently, with an example of each change."""
    from hauberk.cli import config as settings
    from hauberk.cli.run_diff import Options, run

    loaded = settings.load(settings.find(config, Path.cwd()))
    models = (from_model.value, to_model.value)
    given = Options(
        tuple(arguments or ()), from_, to, *models, loaded, format_.value, output, fail_on.value, environment
    )
    raise typer.Exit(run(given))


class MatrixFormat(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


@app.command(
    epilog=examples(
        "hauberk matrix examples/nginx/corrected",
        "hauberk matrix . --workload web/nginx --model kubearmor",
        "hauberk matrix policies/ manifests/ --output matrix.html",
        "hauberk matrix --diff main --format markdown",
        "hauberk matrix --from old/ --to new/ --output changes.html",
    )
)
def matrix(
    paths: Annotated[Optional[list[str]], typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,  # noqa: UP045
    workload: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Only this workload: its name, or a part of it that is the only one."),
    ] = None,
    model: Annotated[ModelName, typer.Option(help="Which model decides.")] = ModelName.HAUBERK,
    posture: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="audit|block", help="Posture instead of the one that the files give."),
    ] = None,
    diff: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--diff", metavar="BASE[..HEAD]", help="Mark what changed between two git revisions."),
    ] = None,
    from_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from", metavar="DIR", help="With --to: mark what differs between two folders."),
    ] = None,
    to: Annotated[Optional[str], typer.Option(metavar="DIR", help="With --from: compare two folders.")] = None,  # noqa: UP045
    format_: Annotated[
        Optional[MatrixFormat],  # noqa: UP045
        typer.Option("--format", help="Form of the table. [default: by the name of --output, or text]"),
    ] = None,
    output: Annotated[Optional[Path], typer.Option(help="File to write the table to.")] = None,  # noqa: UP045
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
) -> None:
    """Show who may read, write, modify and run what, as a table or one HTML page."""
    from hauberk.cli import config as settings
    from hauberk.cli.run_matrix import Options, run

    loaded = settings.load(settings.find(config, Path.cwd()))
    shape = format_ and format_.value
    given = Options(tuple(paths or ()), workload, model.value, posture, diff, from_, to, loaded, shape, output)
    raise typer.Exit(run(given))


class TestFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


@app.command(
    "test", epilog=examples("hauberk test examples/", "hauberk test --format junit --output tests.xml policies/")
)
def policy_test(
    paths: Annotated[Optional[list[str]], typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,  # noqa: UP045
    format_: Annotated[TestFormat, typer.Option("--format", help="Form of the report.")] = TestFormat.TEXT,
    output: Annotated[Optional[Path], typer.Option(help="File to write the report to.")] = None,  # noqa: UP045
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes, until interrupted.")
    ] = False,
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
) -> None:
    """Run policy tests: what a workload may and may not do, by both models."""
    from hauberk.cli import config as settings
    from hauberk.cli.run_test import Options, run, watched

    loaded = settings.load(settings.find(config, Path.cwd()))
    options = Options(tuple(paths or (".",)), loaded, format_.value, output)
    raise typer.Exit(watched(options) if watch else run(options))
