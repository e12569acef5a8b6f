"""The command line: options -> command -> exit code. The only place that catches, prints errors and exits.

Imports are inside the commands: `hauberk --version` and completion must not pay for YAML, engines or validators.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from hauberk.policy.problems import HauberkError, Severity

FINDINGS, USAGE, BUG, INTERRUPTED = 1, 2, 3, 130

# click's ClickException, wherever this typer keeps it: newer ones carry a click of their own
_USAGE_ERROR: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    name="hauberk",
    help="Says what KubeArmor-style runtime policies really do, before the merge and on the node.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _examples(*commands: str) -> str:
    r"""Text below a command's help; \\b keeps its lines apart."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


_LINT_EXAMPLES = (
    _examples(
        "hauberk lint policies/ manifests/",
        "hauberk lint --format sarif --output hauberk.sarif .",
        "hauberk lint --fix ksp.yaml",
        "hauberk lint --new-since origin/main .",
        "helm template . | hauberk lint -",
        "hauberk lint --image nginx=nginx.tar manifests/   # docker save -o nginx.tar nginx",
    )
    + "\n\n\b\nExit codes:\n"
    "  0  clean\n"
    "  1  findings at or above --fail-on\n"
    "  2  bad usage, unreadable input, users' rules that were refused\n"
    "  3  a bug of ours, or a rule without an answer"
)


class Target(StrEnum):
    KUBEARMOR = "kubearmor"
    HAUBERK = "hauberk"
    BOTH = "both"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"


class ListFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class EngineName(StrEnum):
    WASM = "wasm"
    OPA = "opa"
    SERVER = "server"


class ModelName(StrEnum):
    HAUBERK = "hauberk"
    KUBEARMOR = "kubearmor"


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hauberk {version('hauberk')}")
        raise typer.Exit


@app.callback()
def _root(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(epilog=_LINT_EXAMPLES)
def lint(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files or folders; - is standard input. [default: .]"),
    ] = None,
    target: Annotated[
        Target | None, typer.Option(help="Whose enforcement the policies are for. [default: both]")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="Form of the report.")] = Format.TEXT,
    output: Annotated[Optional[Path], typer.Option(help="File to write the report to.")] = None,  # noqa: UP045
    config: Annotated[str | None, typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,
    fail_on: Annotated[
        Severity | None, typer.Option(help="Least severity that makes exit code 1. [default: error]")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="IDS", help="Only these rules: HB304,HB4 (HB4 = all HB4xx)."),
    ] = None,
    ignore: Annotated[Optional[list[str]], typer.Option(metavar="IDS", help="Not these rules.")] = None,  # noqa: UP045
    rules: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR|FILE.wasm", help="Rego rules of your own, besides the built-in ones."),
    ] = None,
    opa: Annotated[str | None, typer.Option(metavar="PATH", help="The opa binary. [default: from PATH]")] = None,
    engine: Annotated[EngineName | None, typer.Option(help="What runs the built-in rules. [default: wasm]")] = None,
    opa_url: Annotated[str | None, typer.Option(metavar="URL", help="OPA server for --engine server.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Leave out the findings that this file knows.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Write all findings to this file as known, and exit 0.")
    ] = None,
    new_since: Annotated[
        str | None,
        typer.Option(metavar="REV", help="Only findings that the git revision REV does not have."),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="The image that manifests name so, without a tag for all of them, as an archive (docker save), an OCI "
            "layout or a root folder; nothing is pulled.",
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without changing the evident meaning.")
    ] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix: also fixes that change the meaning.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Also read YAML code blocks of Markdown files.")] = False,
    exact: Annotated[
        bool,
        typer.Option(help="Search all accesses for rules that decide nothing and for what is open; takes longer."),
    ] = True,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 is one for each core.")] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write cached results.")] = False,
    allow_none: Annotated[
        bool, typer.Option("--allow-none", help="Exit 0 when there is no policy: a commit may have none.")
    ] = False,
) -> None:
    """Say which policies do not do what they say."""
    from hauberk.cli import config as settings
    from hauberk.cli.run_lint import Options, run

    if unsafe_fixes and not fix:
        raise HauberkError("--unsafe-fixes goes with --fix: alone it changes nothing")
    loaded = settings.load(settings.find(config, Path.cwd()))
    users_rules = bool(rules or loaded.rules)
    given: dict[str, Any] = {
        "target": target and target.value,
        "fail_on": fail_on,
        "select": _ids(select, users_rules=users_rules),
        "ignore": _ids(ignore, users_rules=users_rules),
        "rules": tuple(rules or ()),
        "opa": opa,
        "engine": engine and engine.value,
        "opa_url": opa_url,
        "baseline": str(baseline) if baseline else None,
        "markdown": markdown,
    }
    given["images"] = {**loaded.images, **_images(image)}
    options = Options(
        paths=tuple(paths or (".",)),
        config=settings.overridden(loaded, given),
        format=format_.value,
        output=output,
        write_baseline=write_baseline,
        new_since=new_since,
        fix=fix,
        unsafe=unsafe_fixes,
        exact=exact,
        jobs=jobs or os.cpu_count() or 1,
        cache=not no_cache,
        allow_none=allow_none,
    )
    raise typer.Exit(run(options))


def _images(given: list[str] | None) -> dict[str, str]:
    """Paths by the names of images."""
    found: dict[str, str] = {}
    for text in given or ():
        name, _, path = text.partition("=")
        if not name or not path:
            raise HauberkError(f"--image {text}: write NAME=PATH, e.g. --image nginx=nginx.tar")
        if name in found:
            raise HauberkError(f"--image {name}: given twice")
        found[name] = path
    return found


def _ids(given: list[str] | None, *, users_rules: bool) -> tuple[str, ...]:
    from hauberk.cli.catalogue import catalogue
    from hauberk.cli.config import matches
    from hauberk.cli.suppress import rule_id

    ids = tuple(rule_id(part) for text in given or () for part in text.split(",") if part.strip())
    for identity in ids:
        own = users_rules and not identity.startswith("HB")
        if not own and not any(matches(rule, identity) for rule in catalogue()):
            raise HauberkError(f"{identity}: there is no such rule or family; `hauberk rules` lists all")
    return ids


@app.command(epilog=_examples("hauberk rules", "hauberk rules HB304", "hauberk rules --format json"))
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


@app.command(epilog=_examples("hauberk decide --cases cases.jsonl --model kubearmor --root policies/"))
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


@app.command(epilog=_examples("hauberk fmt policies/", "hauberk fmt --check ."))
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


@app.command(
    epilog=_examples(
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
    from hauberk.cli.access import access_of
    from hauberk.cli.commands import explain as command
    from hauberk.cli.opened import open_repository
    from hauberk.cli.output import explanation as output
    from hauberk.cli.run_lint import coloured
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
    target = opened.target(workload)
    held = opened.posture(target, Posture(**(loaded.posture or {})), posture)
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


class DiffFailOn(StrEnum):
    WIDENED = "widened"
    ANY = "any"
    NONE = "none"


@app.command(
    epilog=_examples(
        "hauberk diff                       # merge base with the upstream branch -> working tree",
        "hauberk diff main policies/",
        "hauberk diff v1.0..v1.1 --format markdown",
        "hauberk diff --from old/ --to new/",
        "hauberk diff --from-model kubearmor --to-model hauberk policies/",
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
    given = Options(tuple(arguments or ()), from_, to, *models, loaded, format_.value, output, fail_on.value)
    raise typer.Exit(run(given))


class MatrixFormat(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


@app.command(
    epilog=_examples(
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
    "test", epilog=_examples("hauberk test examples/", "hauberk test --format junit --output tests.xml policies/")
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


def main() -> None:
    """Entry point: expected errors are one message, a bug is named as one."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except SystemExit:
        # typer itself ends a run whose reader went away, with 1: that would mean findings
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            sys.exit(INTERRUPTED)
        raise
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(USAGE)
    except HauberkError as error:
        _say(f"hauberk: {error}")
        sys.exit(USAGE)
    except (KeyboardInterrupt, typer.Abort):
        _say("hauberk: interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERRUPTED)
    except OSError as error:
        _say(f"hauberk: {error.filename or 'output'}: {error.strerror}")
        sys.exit(USAGE)
    except Exception as error:  # noqa: BLE001  # the boundary
        _bug(error)
        sys.exit(BUG)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _bug(error: Exception) -> None:
    import platform
    import traceback
    from importlib.metadata import version

    if os.environ.get("HAUBERK_DEBUG"):
        traceback.print_exc()
    last = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        f"hauberk: internal error: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno}; "
        f"hauberk {version('hauberk')}, Python {platform.python_version()}). This is a bug of Hauberk: "
        "please report it with the output of the same command under HAUBERK_DEBUG=1"
    )


if __name__ == "__main__":
    main()
