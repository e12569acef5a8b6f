"""`--new-since REV`: what an older revision already had, read from git objects without a checkout.

A finding is known by the name of its file, so the old files get the names that the same files have in this run: however
these were spelled, and whatever they were called at the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from hauberk.cli import git, sources
from hauberk.cli.commands.lint import Request, lint_sources
from hauberk.cli.finding import fingerprints
from hauberk.cli.globs import anchored, matched
from hauberk.cli.sources import STDIN, Source
from hauberk.policy.problems import HauberkError


def known_at(revision: str, paths: Sequence[str], request: Request) -> list[str]:
    """Fingerprints of the findings that the same files had at the revision."""
    if STDIN in paths:
        raise HauberkError("--new-since compares files with a revision: name them instead of standard input")
    config, root = request.config, git.root()
    exclude = anchored(config.exclude, ".")
    commit = git.commit_of(revision)
    spelled = {
        in_repository(name, root): name
        for name in sources.find(paths, markdown=config.markdown, exclude=config.exclude)
    }
    renamed = git.renamed_since(commit)
    inside = within([in_repository(path, root) for path in paths], sources.suffixes(markdown=config.markdown))

    def wanted(name: str) -> bool:
        # files that are gone since are read too: what the rules said of others may have depended on them
        return renamed.get(name, name) in spelled or (inside(name) and not matched(f"{root}/{name}", exclude))

    old = [Source(_name(name, spelled, renamed, root), data) for name, data in git.files_at(commit, wanted)]
    return fingerprints(lint_sources(old, request).findings) if old else []


def in_repository(path: str, root: str) -> str:
    """The name that git has for the path, "" for the root."""
    real = os.path.realpath(path)
    if not sources.inside(real, root):
        raise HauberkError(
            f"{sources.displayed(path)}: not in the git repository {root}: run --new-since in its own repository"
        )
    return real[len(root) :].lstrip("/")


def within(folders: Sequence[str], suffixes: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a walk through the folders would take a file of that name."""
    starts = tuple(f"{folder}/" if folder else "" for folder in folders)

    def taken(name: str) -> bool:
        if not name.endswith(suffixes):
            return False
        return any(
            name.startswith(start) and sources.SKIPPED_FOLDERS.isdisjoint(name[len(start) :].split("/")[:-1])
            for start in starts
        )

    return taken


def _name(name: str, spelled: Mapping[str, str], renamed: Mapping[str, str], root: str) -> str:
    now = renamed.get(name, name)
    return sources.displayed(spelled.get(now, f"{root}/{name}"))
