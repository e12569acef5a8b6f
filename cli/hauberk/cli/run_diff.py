"""One run of `hauberk diff`: which two sides, compared, shown; returns the exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from hauberk.cli import git, sources
from hauberk.cli.affected import affected
from hauberk.cli.changes import Diff
from hauberk.cli.commands.diff import Side, diff
from hauberk.cli.commands.since import in_repository, within
from hauberk.cli.config import Config
from hauberk.cli.globs import anchored, matched
from hauberk.cli.loading import load
from hauberk.cli.opened import Opened, must_have_policies, open_loaded, open_sources
from hauberk.cli.output import changes
from hauberk.cli.progress import progress
from hauberk.cli.report import coloured, emit
from hauberk.cli.sources import Source
from hauberk.policy.model import Model, Posture
from hauberk.policy.problems import HauberkError


@dataclass(frozen=True, slots=True)
class Options:
    """`arguments` are a revision or range, if the first of them is one, and paths."""

    arguments: tuple[str, ...]
    from_folder: str | None
    to_folder: str | None
    from_model: str
    to_model: str
    config: Config
    format: str
    output: Path | None
    fail_on: str
    environments: tuple[str, str] | None = None


def run(options: Options) -> int:
    """0, or 1 for changes that `fail_on` names; what cannot be compared is an error of the user's (2)."""
    notes: list[str] = []
    before, after = _sides(options, notes)
    shown = progress("comparing", "workloads")
    result = diff(before, after, Posture(**(options.config.posture or {})), shown)
    result.broken += dict.fromkeys(notes)
    match options.format:
        case "json":
            text = changes.as_json(result)
        case "markdown":
            text = changes.as_markdown(result)
        case "sarif":
            text = changes.as_sarif(result)
        case _:
            text = changes.as_text(result, colour=coloured(options.output))
    emit(text, options.output)
    return int(_fails(result, options.fail_on))


def _fails(result: Diff, fail_on: str) -> bool:
    match fail_on:
        case "widened":
            # what may have been widened unseen must not pass as if it had been looked at
            return bool(result.count("widened") or result.inconclusive)
        case "any":
            return bool(result.changes or result.inconclusive)
        case _:
            return False


def _sides(options: Options, notes: list[str]) -> tuple[Side, Side]:
    models = Model(options.from_model), Model(options.to_model)
    if (options.from_folder is None) is not (options.to_folder is None):
        raise HauberkError("--from and --to go together: give both folders")
    if options.from_folder is not None and options.to_folder is not None:
        if options.arguments or options.environments:
            raise HauberkError(
                "--from and --to compare two folders: revisions, paths, environments do not go with them"
            )
        pair = (folder([options.from_folder], options.config), folder([options.to_folder], options.config))
        return Side(options.from_folder, pair[0], models[0]), Side(options.to_folder, pair[1], models[1])
    if options.environments is not None:
        one, other = _environments(options.environments, list(options.arguments) or ["."], options.config)
        return Side(options.environments[0], one, models[0]), Side(options.environments[1], other, models[1])
    if models[0] is not models[1]:
        paths = list(options.arguments) or ["."]
        opened = folder(paths, options.config)
        return Side(models[0].value, opened, models[0]), Side(models[1].value, opened, models[1])
    base, head, paths = _revisions(options.arguments)
    objects = Objects(options.config, notes)
    given = objects.at(head, paths) if head else _read_what_is_there(paths, options.config)
    old, new = affected(objects.at(base, paths), given)
    return Side(base, open_loaded(old), models[0]), Side(head or "working tree", open_loaded(new), models[1])


def _environments(names: tuple[str, str], paths: list[str], config: Config) -> tuple[Opened, Opened]:
    """The same files as each of the environments has them."""
    from hauberk.cli.environments import environment, in_environment
    from hauberk.cli.gitops.reading import find

    chosen = [environment(config, name) for name in names]
    given = [load(source, keep=True) for source in find(paths, config.exclude)]
    if not any(loaded.entries for loaded in given):
        raise HauberkError(f"no policy in {', '.join(paths)}")
    one, other = (open_loaded(in_environment(given, each)) for each in chosen)
    return one, other


def between(base: str, head: str | None, paths: list[str], config: Config) -> tuple[Opened, Opened]:
    """Two git revisions, or one and the working tree, each whole."""
    objects = Objects(config, [])
    new = objects.at(head, paths) if head else _read_what_is_there(paths, config)
    return open_sources(objects.at(base, paths)), open_sources(new)


def folder(paths: list[str], config: Config) -> Opened:
    """What lies below the paths now."""
    opened = open_sources(_read(paths, config))
    must_have_policies(opened, paths)
    return opened


def _read(paths: list[str], config: Config) -> list[Source]:
    return [sources.read(name) for name in sources.find(paths, markdown=False, exclude=config.exclude)]


def _read_what_is_there(paths: list[str], config: Config) -> list[Source]:
    """The working tree's side: a path that a commit removed is only on the other."""
    there = [path for path in paths if Path(path).exists()]
    return _read(there, config) if there else []


@dataclass(slots=True)
class Objects:
    """Sources of git revisions; an object that both have is read once. `notes` are about what is not read."""

    config: Config
    notes: list[str]
    _known: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def at(self, revision: str, paths: list[str]) -> list[Source]:
        root = git.root()
        named = [in_repository(path, root) for path in paths]
        below = within(named, sources.SUFFIXES)
        exclude = anchored(self.config.exclude, ".")

        def wanted(name: str) -> bool:
            return (name in named or below(name)) and not matched(f"{root}/{name}", exclude)

        found = git.files_at(git.commit_of(revision), wanted, self._known, self.notes)
        # one folder has many files
        folders: dict[str, str] = {}
        here = Path.cwd()
        given: list[Source] = []
        for name, data in found:
            folder, _, base = name.rpartition("/")
            if folder not in folders:
                folders[folder] = os.path.relpath(f"{root}/{folder}", here)
            given.append(Source(sources.displayed(os.path.normpath(f"{folders[folder]}/{base}")), data))
        return given


def _revisions(arguments: tuple[str, ...]) -> tuple[str, str | None, list[str]]:
    """Base, head (None is the working tree) and paths."""
    first = arguments[0] if arguments else None
    if first is not None and ".." in first and not Path(first).exists():
        base, _, head = first.partition("..")
        return base or git.default_base(), head.lstrip(".") or "HEAD", list(arguments[1:]) or _everything()
    if first is not None and not Path(first).exists():
        return first, None, list(arguments[1:]) or _everything()
    pushed = _pushed()
    if pushed is not None:
        return *pushed, list(arguments) or _everything()
    return git.default_base(), None, list(arguments) or _everything()


def _everything() -> list[str]:
    """The whole repository, from whichever of its folders it is asked."""
    return [os.path.relpath(git.root())]


def _pushed() -> tuple[str, str] | None:
    """What pre-commit says is pushed, when it runs us as a pre-push hook."""
    pair = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    return (pair[0], pair[1]) if pair[0] and pair[1] else None
