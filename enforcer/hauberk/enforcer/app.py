"""The command line's commands: options in, exit code out.

Imports of what does the work are inside the commands: help and completion must not pay for YAML, validators or libbpf.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from hauberk.enforcer.faults import FINDINGS, USAGE
from hauberk.enforcer.version import version_line

INTERRUPTED = 130

app = typer.Typer(
    name="hauberk-enforcer",
    help="Makes the kernel do what policies say.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def examples(*commands: str) -> str:
    r"""Text below a command's help; \\b keeps its lines apart."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class PostureName(StrEnum):
    AUDIT = "audit"
    BLOCK = "block"


FORMAT = typer.Option("--format", help="Form of the result.")
PINS = typer.Option("--pins", metavar="DIR", help="Folder of a bpf file system that holds programs and maps.")
STATE = typer.Option("--state", metavar="FILE", help="Where it is written down what is enforced.")
DEFAULT_PINS = Path("/sys/fs/bpf/hauberk")
DEFAULT_STATE = Path("/run/hauberk/state.json")


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


@app.command(epilog=examples("hauberk-enforcer check", "hauberk-enforcer check --format json"))
def check(format_: Annotated[Format, FORMAT] = Format.TEXT) -> None:
    """Say what this node lacks to enforce, and how to mend it; exit code 1 when something is missing."""
    from hauberk.enforcer.commands import check as command
    from hauberk.enforcer.output import json, text

    found = command.run()
    typer.echo(json.findings(found) if format_ is Format.JSON else text.findings(found), nl=False)
    if not all(one.ok for one in found):
        raise typer.Exit(FINDINGS)


@app.command(
    epilog=examples(
        "hauberk-enforcer load --policies policies/ --pid 4242 --namespace web --label app=nginx",
        "hauberk-enforcer load --policies nginx.yaml --cgroup system.slice/nginx.service --posture-file block",
        "hauberk-enforcer load --policies host/ --host --label kubernetes.io/hostname=node-1",
    )
)
def load(
    policies: Annotated[
        list[str], typer.Option(metavar="DIR|FILE", help="Policies; folders are searched. May be repeated.")
    ],
    cgroup: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="PATH", help="Its tasks, and those below it, are confined. May be repeated."),
    ] = None,
    pid: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(
            metavar="PID", help="The same for the cgroup of a process; links in rules are resolved in its root."
        ),
    ] = None,
    namespace: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Namespace by which policies select it. [default: default]"),
    ] = None,
    label: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="KEY=VALUE", help="Label by which policies select it. May be repeated."),
    ] = None,
    container: Annotated[Optional[str], typer.Option(help="Name of the container.")] = None,  # noqa: UP045
    posture_file: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of processes or files.")
    ] = PostureName.AUDIT,
    posture_network: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of the network.")
    ] = PostureName.AUDIT,
    posture_capabilities: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of capabilities.")
    ] = PostureName.AUDIT,
    host: Annotated[bool, typer.Option("--host", help="Confine the node itself: tasks in no named cgroup.")] = False,
    memory_limit: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="Most memory of the kernel that the policies may take.")
    ] = 512,
    rate: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="N/SECONDS", help="Reports of one rule in a time; 0/1 for all. [default: 100/1]"),
    ] = None,
    pins: Annotated[Path, PINS] = DEFAULT_PINS,
    state: Annotated[Path, STATE] = DEFAULT_STATE,
    programs: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--object", metavar="FILE", help="Compiled programs. [default: those of this package]"),
    ] = None,
    format_: Annotated[Format, FORMAT] = Format.TEXT,
) -> None:
    """Enforce policies on cgroups: all of them, or nothing is changed."""
    from hauberk.enforcer.commands import load as command
    from hauberk.enforcer.output import json, text
    from hauberk.enforcer.session import Places, object_file
    from hauberk.policy.model import Posture

    named = bool(cgroup or pid)
    options = command.Options(
        paths=tuple(policies),
        cgroups=tuple(cgroup or ()),
        pids=tuple(pid or ()),
        workload=command.workload_of(namespace, label or (), container, host=host, named=named),
        posture=Posture(posture_file.value, posture_network.value, posture_capabilities.value),
        most_bytes=memory_limit << 20,
        rate=command.rate_of(rate) if rate else None,
        places=Places(pins, state),
        programs=programs or object_file(),
    )
    result = command.run(options)
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(json.loaded(result) if format_ is Format.JSON else text.loaded(result), nl=False)


@app.command(
    "test",
    epilog=examples(
        "hauberk-enforcer test examples/nginx",
        "hauberk-enforcer test --posture-file block --format json policies/",
    ),
)
def try_(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Policies, manifests and PolicyTests; folders are searched.")
    ],
    posture_file: Annotated[
        Optional[PostureName],  # noqa: UP045
        typer.Option(
            help="For processes and files where neither test nor namespace says it. [default: hauberk.yaml's, or audit]"
        ),
    ] = None,
    posture_network: Annotated[
        Optional[PostureName],  # noqa: UP045
        typer.Option(help="The same for the network."),
    ] = None,
    posture_capabilities: Annotated[
        Optional[PostureName],  # noqa: UP045
        typer.Option(help="The same for capabilities."),
    ] = None,
    pins: Annotated[Path, PINS] = DEFAULT_PINS,
    state: Annotated[Path, STATE] = DEFAULT_STATE,
    programs: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--object", metavar="FILE", help="Compiled programs. [default: those of this package]"),
    ] = None,
    format_: Annotated[Format, FORMAT] = Format.TEXT,
) -> None:
    """Do what PolicyTests expect, and compare what the kernel makes of it.

    Exit codes: 0 all hold, 1 one does not, 2 one cannot be run.
    """
    from hauberk.enforcer.commands import test as command
    from hauberk.enforcer.configured import posture_settings
    from hauberk.enforcer.output import trials as output
    from hauberk.enforcer.progress import trying
    from hauberk.enforcer.session import Places, object_file
    from hauberk.policy.model import Posture

    given = {"file": posture_file, "network": posture_network, "capabilities": posture_capabilities}
    posture = posture_settings(Path.cwd()) | {name: value.value for name, value in given.items() if value}
    options = command.Options(tuple(paths), Posture(**posture), Places(pins, state), programs or object_file())
    result = command.run(options, trying())
    typer.echo(output.as_json(result) if format_ is Format.JSON else output.as_text(result), nl=False)
    if result.broken or result.failed:
        raise typer.Exit(USAGE if result.broken else FINDINGS)


@app.command(epilog=examples("hauberk-enforcer unload"))
def unload(pins: Annotated[Path, PINS] = DEFAULT_PINS, state: Annotated[Path, STATE] = DEFAULT_STATE) -> None:
    """End enforcement: nothing is left pinned or loaded."""
    from hauberk.enforcer.commands import unload as command
    from hauberk.enforcer.progress import waiting
    from hauberk.enforcer.session import Places

    result = command.run(Places(pins, state), waiting())
    if result.there:
        typer.echo(f"unloaded: {result.programs} programs")
    else:
        typer.echo("note: nothing was loaded", err=True)


@app.command(epilog=examples("hauberk-enforcer dump", "hauberk-enforcer dump --format json"))
def dump(
    pins: Annotated[Path, PINS] = DEFAULT_PINS,
    state: Annotated[Path, STATE] = DEFAULT_STATE,
    format_: Annotated[Format, FORMAT] = Format.TEXT,
) -> None:
    """Show what the kernel holds, as rules; exit code 1 when that is not what was written to it."""
    from hauberk.enforcer.commands import dump as command
    from hauberk.enforcer.output import json, text
    from hauberk.enforcer.session import Places

    result = command.run(Places(pins, state))
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(json.dumped(result) if format_ is Format.JSON else text.dumped(result), nl=False)
    if result.drifts:
        raise typer.Exit(FINDINGS)


@app.command(
    epilog=examples(
        "hauberk-enforcer events",
        "hauberk-enforcer events --follow --format json",
        "hauberk-enforcer events --config alerts.yaml   # clusterName, hostName, constants: {tenant_id: ...}",
    )
)
def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="clusterName, hostName, and constants that every alert gets."),
    ] = None,
    pins: Annotated[Path, PINS] = DEFAULT_PINS,
    state: Annotated[Path, STATE] = DEFAULT_STATE,
    format_: Annotated[Format, FORMAT] = Format.JSON,
) -> None:
    """Print what was denied or is reported, as KubeArmor's alerts: one JSON document a line."""
    from hauberk.enforcer.alerts import Alert
    from hauberk.enforcer.commands import events as command
    from hauberk.enforcer.nodeapp import options_of_run
    from hauberk.enforcer.output import json, text
    from hauberk.enforcer.session import Places

    def show(alert: Alert) -> None:
        sys.stdout.write((json.alert(alert) if format_ is Format.JSON else text.alert(alert)) + "\n")
        if follow:
            sys.stdout.flush()

    counts = command.run(Places(pins, state), command.context_of(config, options_of_run()), show, follow=follow)
    typer.echo(text.counts(counts), err=True)
    if follow:
        raise typer.Exit(INTERRUPTED)
