"""One run of `hauberk matrix`: one side or two, the table, its form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hauberk.cli import git
from hauberk.cli.commands.diff import Side
from hauberk.cli.commands.matrix import matrices
from hauberk.cli.config import Config
from hauberk.cli.matrices import Matrices
from hauberk.cli.opened import open_repository
from hauberk.cli.progress import progress
from hauberk.cli.report import coloured, emit
from hauberk.cli.run_diff import between, folder
from hauberk.policy.model import Model, Posture
from hauberk.policy.problems import HauberkError

_BY_SUFFIX = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown"}


@dataclass(frozen=True, slots=True)
class Options:
    """`format` None is chosen by the name of `output`."""

    paths: tuple[str, ...]
    workload: str | None
    model: str
    posture: str | None
    diff: str | None
    from_folder: str | None
    to_folder: str | None
    config: Config
    format: str | None
    output: Path | None


def run(options: Options) -> int:
    """0: a table says what is, and judges nothing."""
    if options.posture not in (None, "audit", "block"):
        raise HauberkError(f"--posture {options.posture}: give audit or block")
    configured = Posture(**(options.config.posture or {}))
    found = matrices(
        _sides(options), options.workload, configured, options.posture, progress("asking about", "workloads")
    )
    text = _rendered(found, options)
    emit(text, options.output)
    return 0


def _rendered(found: Matrices, options: Options) -> str:
    suffix = options.output.suffix if options.output else ""
    match options.format or _BY_SUFFIX.get(suffix, "text"):
        case "html":
            from hauberk.cli.output.matrix_html import as_html

            return as_html(found)
        case "json":
            from hauberk.cli.output.matrix_json import as_json

            return as_json(found)
        case "markdown":
            from hauberk.cli.output.matrix_markdown import as_markdown

            return as_markdown(found)
        case _:
            from hauberk.cli.output.matrix_text import as_text

            return as_text(found, colour=coloured(options.output))


def _sides(options: Options) -> list[Side]:
    model, config = Model(options.model), options.config
    paths = list(options.paths) or ["."]
    if (options.from_folder is None) is not (options.to_folder is None):
        raise HauberkError("--from and --to go together: give both folders")
    if options.from_folder is not None and options.to_folder is not None:
        if options.paths or options.diff is not None:
            raise HauberkError("--from and --to compare two folders: --diff and paths do not go with them")
        folders = (options.from_folder, options.to_folder)
        return [Side(name, folder([name], config), model) for name in folders]
    if options.diff is None:
        return [Side(", ".join(paths), open_repository(paths, config.exclude), model)]
    base, dots, head = options.diff.partition("..")
    base = base or git.default_base()
    new = head.lstrip(".") or ("HEAD" if dots else None)
    before, after = between(base, new, paths, config)
    return [Side(base, before, model), Side(new or "working tree", after, model)]
