"""One run of `hauberk drift`: git and the cluster read, compared, shown; returns the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hauberk.cli import cluster, liveobjects, sources
from hauberk.cli.commands.drift import drift
from hauberk.cli.config import Config
from hauberk.cli.drifts import Drift
from hauberk.cli.gitops.folder import is_ours
from hauberk.cli.gitops.objects import is_name
from hauberk.cli.loading import Loaded, load
from hauberk.cli.output import drift as output
from hauberk.cli.progress import progress
from hauberk.cli.report import coloured, emit
from hauberk.policy.loose import is_mapping
from hauberk.policy.model import Model, Posture
from hauberk.policy.problems import HauberkError


@dataclass(frozen=True, slots=True)
class Options:
    paths: tuple[str, ...]
    where: cluster.Where
    model: str
    config: Config
    format: str
    output: Path | None
    fail_on: str


def run(options: Options) -> int:
    """0, or 1 where `fail_on` says that what was found counts."""
    for name in options.where.namespaces:
        if not is_name(name):
            raise HauberkError(f"--namespace {name}: not a name of a namespace")
    loaded = _git(options.paths, options.config)
    selected = [key for one in loaded for document in one.documents() for key in _selected(document.data)]
    live = cluster.read(options.where, selected, progress("reading the cluster", "objects"))
    configured = None if options.config.posture is None else Posture(**options.config.posture)
    namespaces = options.where.namespaces
    found = drift(loaded, live, Model(options.model), configured, namespaces, progress("comparing", "workloads"))
    match options.format:
        case "json":
            text = output.as_json(found)
        case "markdown":
            text = output.as_markdown(found)
        case _:
            text = output.as_text(found, colour=coloured(options.output))
    emit(text, options.output)
    return int(_fails(found, options.fail_on))


def _fails(found: Drift, fail_on: str) -> bool:
    match fail_on:
        case "widened":
            return bool(found.diff.count("widened") or found.diff.inconclusive)
        case "any":
            return bool(found.objects or found.reported or found.diff.changes or found.diff.inconclusive)
        case _:
            return False


def _selected(document: object) -> list[str]:
    return list(liveobjects.selected_keys(document)) if is_mapping(document) else []


def _git(paths: tuple[str, ...], config: Config) -> list[Loaded]:
    """Below the paths what was written by hand; only where nothing was, what was rendered."""
    given = [sources.read(name) for name in sources.find(paths, markdown=False, exclude=config.exclude)]
    chosen = [source for source in given if not is_ours(source.data)] or given
    loaded = [load(source, keep=True) for source in chosen]
    if not any(one.entries for one in loaded) and len(chosen) < len(given):
        loaded = [load(source, keep=True) for source in given]
    broken = next((one for one in loaded if one.unreadable or not one.whole), None)
    if broken is not None:
        raise HauberkError(broken.unreadable or f"{broken.path} cannot be read whole: `hauberk lint {broken.path}`")
    if not any(one.entries for one in loaded):
        raise HauberkError(f"no policy in {', '.join(paths)}")
    return loaded
