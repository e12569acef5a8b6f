"""`hauberk lint`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from hauberk.cli.app.base import app, examples
from hauberk.policy.problems import HauberkError, Severity

_LINT_EXAMPLES = (
    examples(
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


class EngineName(StrEnum):
    WASM = "wasm"
    OPA = "opa"
    SERVER = "server"


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
        "select": rule_ids(select, users_rules=users_rules),
        "ignore": rule_ids(ignore, users_rules=users_rules),
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


def rule_ids(given: list[str] | None, *, users_rules: bool) -> tuple[str, ...]:
    from hauberk.cli.catalogue import catalogue
    from hauberk.cli.config import matches
    from hauberk.cli.suppress import rule_id

    ids = tuple(rule_id(part) for text in given or () for part in text.split(",") if part.strip())
    for identity in ids:
        own = users_rules and not identity.startswith("HB")
        if not own and not any(matches(rule, identity) for rule in catalogue()):
            raise HauberkError(f"{identity}: there is no such rule or family; `hauberk rules` lists all")
    return ids
