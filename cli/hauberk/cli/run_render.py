"""One run of `hauberk render`: reads, refuses what has errors, renders, writes or compares; returns the exit code."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

import typer
import yaml

from hauberk.cli import git
from hauberk.cli.cache import cache_folder
from hauberk.cli.commands import lint
from hauberk.cli.commands.render import Choices, must_be_clean, render
from hauberk.cli.config import Config
from hauberk.cli.environments import environment
from hauberk.cli.gitops.objects import File, is_name, stream
from hauberk.cli.gitops.reading import find, read
from hauberk.cli.gitops.writing import check, write_into
from hauberk.cli.output.visible import visible
from hauberk.cli.report import emit
from hauberk.policy.loose import mapping, text
from hauberk.policy.problems import HauberkError


@dataclass(frozen=True, slots=True)
class Options:
    """`out` None with `stdout`; `commit` None: the one that is checked out."""

    paths: tuple[str, ...]
    config: Config
    out: str | None
    stdout: bool
    check: bool
    layout: str
    environment: str | None
    allowed: tuple[str, ...]
    commit: str | None
    bundle: str
    with_crds: bool
    no_cache: bool


def run(options: Options) -> int:
    """0, or 1 with `check` when the folder is not what would be written."""
    if (options.out is None) is not options.stdout or options.out == "":
        raise HauberkError("say where to: --out DIR, or --stdout")
    if options.check and options.out is None:
        raise HauberkError("--check compares a folder: give it with --out")
    given = find(options.paths, options.config.exclude)
    inputs = read(given)
    if not inputs.policies:
        raise HauberkError(f"no policy in {', '.join(options.paths)}")
    request = lint.Request(
        options.config,
        os.cpu_count() or 1,
        None if options.no_cache or options.config.engine == "server" else cache_folder(),
        dt.datetime.now(tz=dt.UTC).date(),
        whole=False,
    )
    for note in must_be_clean(given, request, options.allowed):
        typer.echo(f"note: {visible(note)}", err=True)
    chosen = environment(options.config, options.environment) if options.environment is not None else None
    commit = _commit(options) if options.commit is None else options.commit
    choices = Choices(options.layout, chosen, commit, _bundle(options.bundle), options.with_crds)
    files = render(inputs, choices, options.config.path)
    if options.out is None:
        emit(stream(files), None)
        return 0
    if options.check:
        return check(options.out, files, "render", _as_there)
    return write_into(options.out, files, "render")


def _as_there(file: File, folder: Path) -> File:
    """The bundle with the commit that the folder's bundle names.

    That is not compared: the folder cannot know the commit that it becomes part of.
    """
    if file.path != "bundle.yaml":
        return file
    there = folder / file.path
    data = {key: value for key, value in file.value["data"].items() if key != "commit"}
    commit = _named_commit(there.read_bytes()) if there.is_file() else None
    if commit is not None:
        data = {"commit": commit, **data}
    return File(file.path, {**file.value, "data": data}, file.wave)


def _named_commit(bundle: bytes) -> str | None:
    try:
        return text(mapping(mapping(yaml.safe_load(bundle)).get("data")).get("commit"))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        # edited into something else: it is compared, and differs
        return None


def _bundle(given: str) -> tuple[str, str]:
    namespace, _, name = given.rpartition("/")
    if not is_name(namespace) or not is_name(name):
        raise HauberkError(f"--bundle {given}: write NAMESPACE/NAME of a ConfigMap, e.g. default/hauberk-bundle")
    return namespace, name


def _commit(options: Options) -> str:
    """The commit that is checked out, `+modified` when an input is not as it has it, "" outside of a repository."""
    if "-" in options.paths:
        return ""
    inputs = [*options.paths, *([options.config.path] if options.environment else [])]
    try:
        return git.checked_out(inputs, [options.out] if options.out else [])
    except HauberkError:
        return ""
